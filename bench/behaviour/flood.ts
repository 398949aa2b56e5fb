// 16,000 texts in one request, answered in order, while single requests beside it stay quick.
import { embedOne, isSameVector } from '../answers.ts';
import { nth } from '../cycle.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { postJson } from '../load/http.ts';
import { percentile } from '../report/statistics.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

/** Positions whose vectors are compared with those of single requests; a prime, so that they fall anywhere in batches. */
const CHECK_EVERY = 251;
const FLOOD_TIMEOUT_MS = 600_000;

interface Base64Answer {
  data: { index: number; embedding: string }[];
}

export const flood: Scenario = {
  name: 'flood',
  title: '16,000 texts in one request',
  async run({ url, texts, seconds }) {
    const one = (index: number) => postJson(`${url}/v1/embeddings`, embeddingBody(nth(texts, index)));
    await closedLoop(1, one, forSeconds(2));
    const idle = await closedLoop(1, one, forSeconds(seconds));

    const begin = performance.now();
    let answered = false;
    // As OpenAI's clients ask by default.
    const body = embeddingBody([...texts], { encoding_format: 'base64' });
    const all = postJson(`${url}/v1/embeddings`, body, { timeout: FLOOD_TIMEOUT_MS }).finally(() => {
      answered = true;
    });
    const [answer, beside] = await Promise.all([all, closedLoop(1, one, () => !answered)]);
    const took = (performance.now() - begin) / 1000;
    if (answer.status !== 200) throw new Error(`The large request was answered ${answer.status}: ${answer.body.toString().slice(0, 500)}`);

    const wrong = await misplaced(url, texts, JSON.parse(answer.body.toString()) as Base64Answer);
    const [idleP99, besideP99] = [percentile(idle, 99), percentile(beside, 99)];
    return {
      bars: [
        { promise: 'single requests beside it: p99 x their idle one', value: besideP99 / idleP99, atMost: 3 },
        { promise: 'answers that are missing or out of order', value: wrong, atMost: 0 },
      ],
      figures: {
        idleP99Ms: idleP99,
        besideP99Ms: besideP99,
        besideRequests: beside.length,
        seconds: took,
        textsPerSecond: texts.length / took,
      },
    };
  },
};

async function misplaced(url: string, texts: readonly string[], { data }: Base64Answer): Promise<number> {
  let wrong = Math.abs(texts.length - data.length) + data.filter(({ index }, position) => index !== position).length;
  for (let position = 0; position < data.length; position += CHECK_EVERY) {
    const bytes = new Uint8Array(Buffer.from(data[position]?.embedding ?? '', 'base64'));
    const alone = await embedOne(url, nth(texts, position));
    if (!isSameVector(new Float32Array(bytes.buffer), alone)) wrong++;
  }
  return wrong;
}
