// The bodies of /v2/repository: what may be left out, and may as well be null.
import { describe, expect, it } from '@jest/globals';
import { readyOnly, refuseContents } from './repository-request.js';

describe('a request for the index', () => {
  it.each([
    ['', false],
    ['{}', false],
    ['{"ready":null}', false],
    ['{"ready":false}', false],
    ['{"ready":true}', true],
  ])('of %p asks for what is ready alone: %p', async (body, ready) => {
    await expect(readyOnly(Buffer.from(body))).resolves.toBe(ready);
  });

  it('whose wish is neither is refused', async () => {
    await expect(readyOnly(Buffer.from('{"ready":1}'))).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'ready' });
  });
});

it('a load without parameters, or with null, loads what is there', async () => {
  for (const body of ['', '{}', '{"parameters":null}']) await expect(refuseContents(Buffer.from(body))).resolves.toBeUndefined();
});
