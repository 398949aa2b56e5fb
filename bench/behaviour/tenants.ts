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
/** Alone and beside the flood by turns, so that whatever else the machine does meets both. */
const WINDOWS = 5;
const WINDOW_PART = 0.4;

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
    const windows: Window[] = [];
    for (let index = 0; index < WINDOWS; index++) {
      const [loneP99, , loneSingleP50, loneSingleP99] = await quantiles(three, seconds);
      let over = false;
      const flood = closedLoop(FLOODING_CLIENTS, one, () => !over);
      try {
        await closedLoop(CLIENTS, three, forSeconds(1));
        const before = await tokensOf(url);
        const [p99, shares, singleP50, singleP99] = await quantiles(three, seconds, () => tokensOf(url));
        const share = ((shares?.three ?? NaN) - before.three) / ((shares?.one ?? NaN) - before.one);
        windows.push({ loneP99, p99, share, loneSingleP50, singleP50, loneSingleP99, singleP99 });
      } finally {
        over = true;
        await flood;
      }
    }
    const median = (name: keyof Window): number => percentile(windows.map((window) => window[name]), 50); // prettier-ignore
    const figures = Object.fromEntries(Object.keys(windows[0] ?? {}).map((name) => [name, median(name as keyof Window)]));
    return {
      bars: [
        { promise: 'the other, of weight 3: p99 x its lone one', value: median('p99') / median('loneP99'), atMost: 2 },
        { promise: 'its tokens over those of the flood, of 3: at least', value: median('share') / 3, atLeast: 0.9 },
        { promise: 'its tokens over those of the flood, of 3: at most', value: median('share') / 3, atMost: 1.1 },
      ],
      figures,
    };
  },
};

interface Window {
  readonly loneP99: number;
  readonly p99: number;
  readonly share: number;
  readonly loneSingleP50: number;
  readonly singleP50: number;
  readonly loneSingleP99: number;
  readonly singleP99: number;
}

/** p99 of many clients, what is asked right after them, and p50 and p99 of a single one; in ms. */
async function quantiles<T>(
  send: () => Promise<Answer>,
  seconds: number,
  between: () => Promise<T> | undefined = () => undefined,
): Promise<[number, T | undefined, number, number]> {
  const many = await closedLoop(CLIENTS, send, forSeconds(seconds * WINDOW_PART));
  const answer = await between();
  const single = await closedLoop(1, send, forSeconds(seconds * WINDOW_PART));
  return [percentile(many, 99), answer, percentile(single, 50), percentile(single, 99)];
}

/** Tokens that were computed for each so far. */
async function tokensOf(url: string): Promise<{ three: number; one: number }> {
  const page = (await get(`${url}/metrics`)).body.toString();
  const of = (tenant: string): number =>
    Number(new RegExp(`^nestor_tenant_tokens_total\\{[^}]*tenant="${tenant}"[^}]*\\} (\\S+)`, 'm').exec(page)?.[1] ?? 0);
  return { three: of('three'), one: of('one') };
}
