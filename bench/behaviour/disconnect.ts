// Half of 400 queued clients hang up: their work is not done, and the other half is answered right.
import { setTimeout as sleep } from 'node:timers/promises';
import { embedOne, isSameVector } from '../answers.ts';
import { nth } from '../cycle.ts';
import { get, postJson } from '../load/http.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

const CLIENTS = 400;
/** Long enough for all requests to be queued, too short for many to be done. */
const HANG_UP_AFTER_MS = 150;
const CHECK_EVERY = 7;

interface EmbeddingsAnswer {
  data: { embedding: number[] }[];
}

export const disconnect: Scenario = {
  name: 'disconnect',
  title: 'Half of 400 queued clients disconnect',
  async run({ url, texts }) {
    const before = await executed(url);
    const leaving = new AbortController();
    const pending = texts.slice(0, CLIENTS).map((text, index) => {
      const options = index % 2 === 0 ? {} : { signal: leaving.signal };
      return postJson(`${url}/v1/embeddings`, embeddingBody(text), options).catch(() => undefined);
    });
    await sleep(HANG_UP_AFTER_MS);
    const atHangUp = (await executed(url)) - before;
    leaving.abort();
    const answers = await Promise.all(pending);
    const items = (await settled(url)) - before;

    const stayed = answers.flatMap((answer, index) => (index % 2 === 0 ? [{ answer, text: nth(texts, index) }] : []));
    const failed = stayed.filter(({ answer }) => answer?.status !== 200).length;
    let wrong = 0;
    for (const { answer, text } of stayed.filter((_, index) => index % CHECK_EVERY === 0)) {
      if (answer?.status !== 200) continue;
      const vector = (JSON.parse(answer.body.toString()) as EmbeddingsAnswer).data[0]?.embedding ?? [];
      if (!isSameVector(vector, await embedOne(url, text))) wrong++;
    }
    // Of the work that was left when half of them hung up, half should never be done.
    const spared = (CLIENTS - items) / ((CLIENTS - atHangUp) / 2);
    return {
      bars: [
        { promise: 'share of the abandoned work that was spared', value: spared, atLeast: 0.8 },
        { promise: 'failed among those who stayed', value: failed, atMost: 0 },
        { promise: 'wrong vectors among those who stayed', value: wrong, atMost: 0 },
      ],
      figures: { sent: CLIENTS, executed: items, executedAtHangUp: atHangUp },
    };
  },
};

/** Items that left in batches so far. */
async function executed(url: string): Promise<number> {
  const page = (await get(`${url}/metrics`)).body.toString();
  const lines = page.matchAll(/^nestor_batch_items_sum\{[^}]*model="all-minilm-l6-v2"[^}]*\} (\S+)/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** The count once it has stopped to grow. */
async function settled(url: string): Promise<number> {
  for (let last = NaN; ;) {
    const now = await executed(url);
    if (now === last) return now;
    last = now;
    await sleep(500);
  }
}
