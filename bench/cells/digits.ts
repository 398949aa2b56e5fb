// A model so small that the server around it is what is measured.
import type { Cell, Context } from '../cell.ts';
import { warmUp, wrk } from '../load/wrk.ts';
import type { RunningServer } from '../server-process.ts';

export function digits(clients: number): Cell {
  const load = ({ url }: RunningServer, { bodies, offset }: Context) => ({
    url: `${url}/v1/models/digits/predict`,
    bodies: bodies.digitsFile,
    clients,
    offset,
  });
  return {
    name: `digits-${clients}`,
    title: `Digits, ${clients} clients`,
    stage: 1,
    ofCeiling: false,
    warmUp: (target, context) => warmUp({ ...load(target, context), seconds: context.options.warmupSeconds }),
    run: async (target, context) => ({ ...(await wrk({ ...load(target, context), seconds: context.options.seconds })) }),
  };
}
