// A model so small that the server around it is what is measured.
import type { Cell } from '../cell.ts';
import { warmUp, wrk } from '../load/wrk.ts';

export function digits(clients: number): Cell {
  return {
    name: `digits-${clients}`,
    title: `Digits, ${clients} clients`,
    stage: 1,
    ofCeiling: false,
    async run({ url }, { options, bodies, offset }) {
      const load = { url: `${url}/v1/models/digits/predict`, bodies: bodies.digitsFile, clients, offset };
      await warmUp({ ...load, seconds: options.warmupSeconds });
      return { ...(await wrk({ ...load, seconds: options.seconds })) };
    },
  };
}
