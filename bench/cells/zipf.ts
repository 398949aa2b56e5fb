// Texts as people ask them, few often and most hardly ever, with the cache and without.
import type { Cell } from '../cell.ts';
import { get } from '../load/http.ts';
import { warmUp, wrk } from '../load/wrk.ts';
import type { Bodies } from '../texts.ts';

/** Of the requests, between the beginnings of two turns; the warm-up sends those in the middle between them. */
const STRIDE = 20_000;

const load = (url: string, { zipfFile }: Bodies) => ({ url: `${url}/v1/embeddings`, bodies: zipfFile, clients: 32 });

export const zipf: Cell = {
  name: 'zipf-32',
  title: 'Embeddings of 10,000 texts with Zipf-distributed frequencies (s = 1), 32 clients',
  stage: 1,
  servers: ['nestor', 'nestor-cache'],
  ofCeiling: false,
  warmUp: ({ url }, { options, bodies, turn }) =>
    warmUp({ ...load(url, bodies), offset: turn * STRIDE + STRIDE / 2, seconds: options.warmupSeconds }),
  async run({ url }, { options, bodies, turn }) {
    const before = await computed(url);
    const figures = await wrk({ ...load(url, bodies), offset: turn * STRIDE, seconds: options.seconds });
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
