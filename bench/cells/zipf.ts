// Texts as people ask them, few often and most hardly ever, with the cache and without.
import type { Cell } from '../cell.ts';
import { get } from '../load/http.ts';
import { warmUp, wrk } from '../load/wrk.ts';

/** Where the measurement begins in the requests, far behind what the warm-up sent. */
const STRIDE = 50_000;

export const zipf: Cell = {
  name: 'zipf-32',
  title: 'Embeddings of 10,000 texts with Zipf-distributed frequencies (s = 1), 32 clients',
  stage: 1,
  servers: ['nestor', 'nestor-cache'],
  ofCeiling: false,
  async run({ url }, { options, bodies, round }) {
    const load = { url: `${url}/v1/embeddings`, bodies: bodies.zipfFile, clients: 32 };
    await warmUp({ ...load, offset: round * STRIDE, seconds: options.warmupSeconds });
    const before = await computed(url);
    const figures = await wrk({ ...load, offset: round * STRIDE + STRIDE / 2, seconds: options.seconds });
    const ran = (await computed(url)) - before;
    return { ...figures, hitRate: 100 * Math.max(0, 1 - ran / figures.answered) };
  },
};

/** Rows of the model that ran so far. */
async function computed(url: string): Promise<number> {
  const { body } = await get(`${url}/metrics`);
  const line = /^nestor_batch_items_sum\{model="all-minilm-l6-v2",version="1"\} (\S+)$/m.exec(body.toString());
  return Number(line?.[1] ?? 0);
}
