// The shipped models give right answers to real inputs, through every form that a prediction can take.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, type Problem } from './setup/client.js';
import { digits, distance, example, MINILM, picture, sound } from './setup/fixtures.js';
import { Server } from './setup/server.js';

interface Named {
  readonly model: string;
  readonly version: string;
  readonly id?: string;
  readonly outputs: Record<string, { readonly datatype: string; readonly shape: number[]; readonly data: number[] }>;
}
interface Classes {
  readonly predictions: { readonly label: string; readonly score: number; readonly scores: Record<string, number> }[];
}

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

async function predict(model: string, body: unknown, version = ''): Promise<unknown> {
  const answer = await post(`${server.url}/v1/models/${model}${version}/predict`, body);
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, expect.any(String)]);
  return answer.body;
}

describe('all-minilm-l6-v2', () => {
  const START = [0.06766, 0.0635, 0.04871, 0.0793, 0.03745];

  it('embeds its example', async () => {
    const { status, body } = await post(`${server.url}/v1/embeddings`, example(MINILM, 'embeddings'));
    const [first] = (body as { data: { embedding: number[] }[] }).data;
    expect(status).toBe(200);
    expect(first?.embedding).toHaveLength(384);
    expect(distance(first?.embedding.slice(0, 5) ?? [], START)).toBeLessThan(1e-3);
  });

  it('gives the same vector to predict, as the one output that is asked for', async () => {
    const body = { instances: ['This is an example sentence', 'Another'], outputs: ['sentence_embedding'] };
    const { predictions } = (await predict(MINILM, body)) as { predictions: number[][] };
    expect(predictions).toHaveLength(2);
    expect(distance(predictions[0]?.slice(0, 5) ?? [], START)).toBeLessThan(1e-3);
  });

  it('gives each text the outputs of its own length when texts of several lengths come together', async () => {
    const texts = ['short', 'a text that is longer than the others by some words', 'in between'];
    const lengths = async (instances: string[]): Promise<number[]> => {
      const { predictions } = (await predict(MINILM, { instances })) as { predictions: { last_hidden_state: number[][] }[] };
      return predictions.map(({ last_hidden_state }) => last_hidden_state.length);
    };
    const alone = await Promise.all(texts.map((text) => lengths([text])));
    expect(new Set(alone.flat()).size).toBeGreaterThan(1);
    expect(await lengths(texts)).toEqual(alone.flat());
  });
});

describe('digits', () => {
  const { pixels, labels } = digits();

  it('reads at least 95 % of the held-out digits, with a label and scores that fit it', async () => {
    const { predictions } = (await predict('digits', { instances: pixels })) as Classes;
    const right = predictions.filter(({ label }, row) => label === String(labels[row])).length;
    expect(predictions).toHaveLength(labels.length);
    expect(right / labels.length).toBeGreaterThanOrEqual(0.95);
    for (const { label, score, scores } of predictions) {
      expect(Object.keys(scores)).toHaveLength(10);
      expect(score).toBe(scores[label]);
      expect(score).toBe(Math.max(...Object.values(scores)));
    }
  });

  it('says the same of instances and of named tensors, flat, nested and bare', async () => {
    const flat = { inputs: { pixels: { shape: [pixels.length, 64], datatype: 'FP32', data: pixels.flat() } } };
    const nested = { inputs: { pixels: { shape: [pixels.length, 64], datatype: 'FP32', data: pixels } } };
    const [a, b, c] = (await Promise.all([flat, nested, { inputs: { pixels } }].map((body) => predict('digits', body)))) as [
      Named,
      Named,
      Named,
    ];
    const { predictions } = (await predict('digits', { instances: pixels })) as Classes;
    expect(b).toEqual(a);
    expect(c).toEqual(a);
    expect(a.outputs.label).toMatchObject({ datatype: 'INT64', shape: [450] });
    expect(a.outputs.probabilities).toMatchObject({ datatype: 'FP32', shape: [450, 10] });
    expect(a.outputs.label?.data.map(String)).toEqual(predictions.map(({ label }) => label));
  });

  it('serves its example through the route with a version, and gives the id back', async () => {
    const answer = (await predict('digits', { ...(example('digits') as object), id: 'mine' }, '/versions/1')) as Named & Classes;
    expect(answer).toMatchObject({ id: 'mine', model: 'digits', version: '1' });
    expect(answer.predictions[0]?.label).toBe('2');
  });

  it('computes only the outputs that are asked for', async () => {
    const { outputs } = (await predict('digits', { inputs: { pixels: pixels.slice(0, 2) }, outputs: ['label'] })) as Named;
    expect(outputs).toEqual({ label: { datatype: 'INT64', shape: [2], data: labels.slice(0, 2) } });
  });

  it('knows no other version', async () => {
    const { status, body } = await post(`${server.url}/v1/models/digits/versions/2/predict`, example('digits'));
    expect([status, (body as Problem).code]).toEqual([404, 'VERSION_NOT_FOUND']);
  });
});

describe('text-orientation', () => {
  it('tells an upright line of text from one on its head, together in one request', async () => {
    const instances = [{ image: picture('text-line-0') }, { image: picture('text-line-180') }];
    const { predictions } = (await predict('text-orientation', { instances })) as Classes;
    expect(predictions.map(({ label }) => label)).toEqual(['0', '180']);
  });

  it('serves its example', async () => {
    const { predictions } = (await predict('text-orientation', example('text-orientation'))) as Classes;
    expect(['0', '180']).toContain(predictions[0]?.label);
  });
});

describe('silero-vad', () => {
  /** The mean probability of speech over a stream whose state the client passes back. */
  async function listen(frames: readonly number[][]): Promise<number> {
    let state: unknown = { shape: [2, 1, 128], datatype: 'FP32', data: new Array<number>(256).fill(0) };
    let sum = 0;
    for (const frame of frames) {
      const sr = { shape: [], datatype: 'INT64', data: [16000] };
      const { outputs } = (await predict('silero-vad', { inputs: { input: [frame], state, sr } })) as Named;
      state = outputs.stateN;
      sum += outputs.output?.data[0] ?? NaN;
    }
    return sum / frames.length;
  }

  it('hears speech, and none in silence', async () => {
    const [speech, silence] = await Promise.all([listen(sound('speech')), listen(sound('silence'))]);
    expect(speech).toBeGreaterThan(0.5);
    expect(silence).toBeLessThan(0.5);
  });

  it('serves its example', async () => {
    const { outputs } = (await predict('silero-vad', example('silero-vad'))) as Named;
    expect(outputs.output?.shape).toEqual([1, 1]);
    expect(outputs.stateN?.shape).toEqual([2, 1, 128]);
  });
});
