// One tenant floods: the other has what its weight gives it, and hardly notices.
import { join } from 'node:path';
import { nth } from '../cycle.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { get, postJson, type Answer } from '../load/http.ts';
import { ROOT } from '../paths.ts';
import { percentile } from '../report/statistics.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

const FLOODING_CLIENTS = 64;
/** Enough that something of it always waits: what does not wait is not shared out. */
const CLIENTS = 96;

export const tenants: Scenario = {
  name: 'tenants',
  title: 'Two tenants of weights 3 and 1, of which one floods',
  environment: { TENANT_HEADER: 'X-Tenant', TENANTS_FILE: join(ROOT, 'bench/behaviour/tenants.yaml') },
  async run({ url, texts, seconds }) {
    let next = 0;
    const as = (tenant: string) => (): Promise<Answer> =>
      postJson(`${url}/v1/embeddings`, embeddingBody(nth(texts, next++)), { headers: { 'x-tenant': tenant } });
    const [three, one] = [as('three'), as('one')];
    await closedLoop(CLIENTS, three, forSeconds(2));
    const lone = await closedLoop(CLIENTS, three, forSeconds(seconds));
    const single = await closedLoop(1, three, forSeconds(seconds));

    let over = false;
    const flood = closedLoop(FLOODING_CLIENTS, one, () => !over);
    try {
      await closedLoop(CLIENTS, three, forSeconds(1));
      const before = await tokensOf(url);
      const beside = await closedLoop(CLIENTS, three, forSeconds(seconds));
      const after = await tokensOf(url);
      const singleBeside = await closedLoop(1, three, forSeconds(seconds));
      const share = (after.three - before.three) / (after.one - before.one);
      const [loneP99, besideP99] = [percentile(lone, 99), percentile(beside, 99)];
      return {
        bars: [
          { promise: 'the other, of weight 3: p99 x its lone one', value: besideP99 / loneP99, atMost: 2 },
          { promise: 'its tokens over those of the flood, of 3: at least', value: share / 3, atLeast: 0.9 },
          { promise: 'its tokens over those of the flood, of 3: at most', value: share / 3, atMost: 1.1 },
        ],
        figures: {
          loneP99Ms: loneP99,
          besideP99Ms: besideP99,
          loneTextsPerSecond: lone.length / seconds,
          besideTextsPerSecond: beside.length / seconds,
          share,
          singleP50Ms: percentile(single, 50),
          singleP99Ms: percentile(single, 99),
          singleBesideP50Ms: percentile(singleBeside, 50),
          singleBesideP99Ms: percentile(singleBeside, 99),
        },
      };
    } finally {
      over = true;
      await flood;
    }
  },
};

/** Tokens that were computed for each so far. */
async function tokensOf(url: string): Promise<{ three: number; one: number }> {
  const page = (await get(`${url}/metrics`)).body.toString();
  const of = (tenant: string): number =>
    Number(new RegExp(`^nestor_tenant_tokens_total\\{[^}]*tenant="${tenant}"[^}]*\\} (\\S+)`, 'm').exec(page)?.[1] ?? 0);
  return { three: of('three'), one: of('one') };
}
