// One text, again and again: what an answer costs that is not computed. Beside it FastAPI with an answer that never was.
import type { Cell } from '../cell.ts';
import { warmUp, wrk } from '../load/wrk.ts';
import type { Bodies } from '../texts.ts';

const load = (url: string, { repeatedFile }: Bodies) => ({ url: `${url}/v1/embeddings`, bodies: repeatedFile, clients: 32, offset: 0 });

export const hit: Cell = {
  name: 'hit-32',
  title: 'One text again and again, 32 clients',
  stage: 1,
  servers: ['nestor-cache', 'fastapi-constant'],
  ofCeiling: false,
  warmUp: ({ url }, { options, bodies }) => warmUp({ ...load(url, bodies), seconds: options.warmupSeconds }),
  async run({ url, cpuSeconds }, { options, bodies }) {
    const before = cpuSeconds();
    const figures = await wrk({ ...load(url, bodies), seconds: options.seconds });
    const cpu = cpuSeconds() - before;
    return { ...figures, cpuMicroseconds: (cpu * 1e6) / figures.answered };
  },
};
