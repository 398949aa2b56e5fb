// Parts of a large body: each is parsed by itself, where it is whole, and nothing that is no JSON becomes any by it.
import { describe, expect, it } from '@jest/globals';
import { scanJson } from './json-scan.js';
import { SHORTEST_RUN } from './json-text-run.js';

const TURNS = [1, 2, 3, 5, 7, 61, undefined];
const READING = { single: false, exact: false, blocks: false };

const jsonParse = (json: Buffer): unknown => JSON.parse(json.toString());
const parsed = (body: string, turnBytes?: number): Promise<unknown> => scanJson(Buffer.from(body), READING, jsonParse, turnBytes);

describe('the parts of a large body', () => {
  it('are parsed apart, and little is left', async () => {
    const body = {
      one: 'long'.repeat(2000),
      run: Array(1000).fill('short'),
      objects: Array(10_000).fill({ text: ['short'] }),
      numbers: [[1.5]],
    };
    const left: number[] = [];
    const parse = (json: Buffer): unknown => {
      left.push(json.byteLength);
      return jsonParse(json);
    };
    expect(await scanJson(Buffer.from(JSON.stringify(body)), READING, parse)).toEqual(body);
    expect([left.length > 2, Math.max(...left) < 70_000, left.at(-1) ?? NaN]).toEqual([true, true, expect.closeTo(240, -2)]);
  });

  it('are refused where they are short texts of one object, and too many', async () => {
    const text = JSON.stringify('a'.repeat(SHORTEST_RUN - 3));
    const members = Array.from({ length: 1100 }, (_, index) => `"${index}":${text}`).join();
    const tooMuch = { code: 'PAYLOAD_TOO_LARGE', field: 'body', message: expect.stringContaining('short texts in one object') };
    await expect(parsed(`{${members}}`)).rejects.toMatchObject(tooMuch);
    await expect(parsed(`[{${members}},1]`)).rejects.toMatchObject(tooMuch);
  });

  it.each([
    '[{]]',
    '[}',
    '{"a":]',
    '[[',
    '[{"a":1]}',
    ']',
    '[[1}]',
    '{"a":[}',
    '[ ,1]',
    '[1, ]',
    '[1,,1]',
    '["a":1]',
    '[{"a"}]',
    '[{"a",1}]',
  ])('%s is no JSON, wherever a part of it is parsed', async (json) => {
    for (const turnBytes of TURNS)
      for (const body of [json, `[1,${json}`, `${json},1]`, `[[${json}],1]`, `{"a":${json}}`, `[${json},"a",{}]`])
        await expect(parsed(body, turnBytes)).rejects.toThrow();
  });
});
