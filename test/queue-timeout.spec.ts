// A model that would rather refuse than be late: nobody waits longer for their turn than its model.yaml says.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MINILM } from './setup/fixtures.js';
import { ONE_WORKER, removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';

/** Keeps the worker busy for longer than the others may wait. */
const LONG = 'A long text keeps the model busy for a while. '.repeat(40);
const CALLERS = 30;

let server: Server;
beforeAll(async () => {
  const hasty = { 'hasty/1': { from: `${shipped(MINILM)}/1` }, 'hasty/model.yaml': `${ONE_WORKER}queue: { timeoutMs: 5 }\n` };
  server = await Server.start({ MODEL_REPOSITORY: await written(hasty), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const embed = (): Promise<Response> =>
  fetch(`${server.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'hasty', input: LONG }),
  });

it('those whose turn does not come in time are told when to come back, the others are answered', async () => {
  const answers = await Promise.all(Array.from({ length: CALLERS }, embed));
  const refused = answers.filter(({ status }) => status === 429);
  const served = answers.filter(({ status }) => status === 200);
  expect(served.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(CALLERS / 2);
  expect(served.length + refused.length).toBe(CALLERS);
  for (const answer of refused) {
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe('queue_full');
    expect(error.message).toContain('the queue of this model lets requests wait 5 ms');
  }
  expect((await embed()).status).toBe(200);
});
