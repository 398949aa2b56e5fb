// Large JSON: the values that JSON.parse gives, the numbers as blocks, and nothing that a turn of the event loop could not bear.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEEPEST } from './json-depth.js';
import { scanJson } from './json-scan.js';
import { SHORTEST_RUN } from './json-text-run.js';
import { NumberBlock } from './number-block.js';

const DOUBLES = { single: false, exact: false, blocks: true };

async function parsed(body: string | Buffer, { exact = false, turnBytes }: { exact?: boolean; turnBytes?: number } = {}): Promise<unknown> {
  return await scanJson(Buffer.from(body), { ...DOUBLES, exact }, jsonParse, turnBytes);
}

function jsonParse(text: Buffer): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
}

/** Turns of the event loop that went by meanwhile. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let working = true;
  const count = (): void => {
    turns++;
    if (working) setImmediate(count);
  };
  count();
  await work.catch(() => undefined);
  working = false;
  return turns;
}

/** Blocks as the nested arrays that they stand for. */
function plain(value: unknown): unknown {
  if (value instanceof NumberBlock) return plain(value.rows());
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

const numbers = fc.array(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()), { minLength: 64, maxLength: 100 });
const nested = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), numbers)
  .map(([a, b, row]) => Array.from({ length: a }, () => Array.from({ length: b }, () => row)));
const documents = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), numbers, nested, fc.array(fc.oneof(numbers, fc.integer()))));

describe('a large body', () => {
  it('has the values that JSON.parse gives', async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.constantFrom(undefined, 1), async (document, indent) => {
        const text = JSON.stringify(document, undefined, indent);
        expect(plain(await parsed(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('has its arrays of numbers in blocks of their shape', async () => {
    const row = Array.from({ length: 40 }, (_, index) => index / 7);
    const { data, ids } = (await parsed(JSON.stringify({ data: [[row, row, row]], ids: row }))) as { data: NumberBlock; ids: unknown };
    expect(data.shape).toEqual([1, 3, 40]);
    expect(data.values).toEqual(Float64Array.from([...row, ...row, ...row]));
    expect(ids).toEqual(row);
  });

  it.each([
    ['ragged arrays', [Array(70).fill(1), Array(71).fill(2)]],
    ['numbers behind arrays', [Array(70).fill(1), 3]],
    ['numbers in front of arrays', [3, Array(70).fill(1)]],
    ['numbers in front of arrays of arrays', [[3, [Array(70).fill(1)]], [[Array(70).fill(1)]]]],
    ['a text among numbers', [...Array<number>(70).fill(1), 'x']],
  ])('of %s is what it is', async (_, value) => {
    expect(plain(await parsed(JSON.stringify({ value })))).toEqual({ value });
  });

  it.each(['[1,]', '[01]', '[1.]', '[.5]', '[+1]', '[1e]', '[-]', '[1 2]', '[1', '["a', '[NaN]', '[0x1]'])('%s is no JSON', async (end) => {
    const ones = Array(100).fill('1').join();
    await expect(parsed(`[${ones},${end}`)).rejects.toThrow();
    await expect(parsed(end.replace('[', `[${ones},`))).rejects.toThrow();
  });

  it('keeps integers of 64 bits where they are wanted', async () => {
    const long = Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? 9_007_199_254_740_993n + BigInt(index) : BigInt(index)));
    const { values } = (await parsed(`[${long.join()}]`, { exact: true })) as NumberBlock;
    expect(Array.from<number | bigint>(values).map(BigInt)).toEqual(long);
  });

  it('cannot forge a block', async () => {
    const forged = { a: '00000000-0000-0000-0000-000000000000:0', b: Array(64).fill(1) };
    expect(plain(await parsed(JSON.stringify(forged)))).toEqual(forged);
  });

  it.each([
    ['empty arrays', '[],'],
    ['objects', '{"a":1},'],
  ])('of millions of %s is refused', async (_, part) => {
    await expect(parsed(`[${part.repeat(2_000_000)}1]`)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
  });

  it.each([1, 16])('of numbers and one text at depth %i is read twice, in turns of the event loop', async (depth) => {
    const [open, close] = ['['.repeat(depth), ']'.repeat(depth)];
    const text = `${open}${'1,'.repeat(768 * 1024)}"x"${close}`;
    const turns = await turnsOf(scanJson(Buffer.from(text), { ...DOUBLES, single: true }, jsonParse));
    expect(turns).toBeGreaterThan(40);
    expect(turns).toBeLessThan(80);
  });
});

const PARTS = ['a', '"', '\\', '/', '\n', '\0', '\u007f', 'é', '€', '😀', '\ud83d', '\ude00', '\ufeff', '[{,:]}', 'u0041', '1'];
const EVERYTHING = PARTS.join('') + PARTS.toReversed().join('');
/** Larger than a run that is left where it is. */
const LONG_TEXT = EVERYTHING.repeat(SHORTEST_RUN / 32);
const SMALL_TURNS = [1, 2, 3, 5, 7, 61, 1021, undefined];

const short = fc.array(fc.constantFrom(...PARTS), { maxLength: 10 }).map((parts) => parts.join(''));
const long = fc.tuple(short, fc.nat(1000)).map(([text, times]) => text.repeat(times));
const texts = fc.oneof({ weight: 3, arbitrary: short }, { weight: 1, arbitrary: long });
const withTexts = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    texts,
    fc.constantFrom(1, null, true, ['a'], {}, []),
    fc.array(texts, { maxLength: 50 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(texts, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** JSON that escapes all but ASCII, halves of characters each for themselves. */
function escaped(json: string): string {
  return json.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

describe('texts of a large body', () => {
  it('are those that JSON.parse gives, wherever a turn ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        withTexts,
        fc.constantFrom(undefined, 1),
        fc.boolean(),
        fc.constantFrom(...SMALL_TURNS),
        async (value, indent, ascii, turnBytes) => {
          const json = JSON.stringify(value, undefined, indent);
          expect(await parsed(ascii ? escaped(json) : json, { turnBytes })).toEqual(value);
        },
      ),
    );
  });

  it('are refused where JSON.parse refuses them', async () => {
    const junk = fc
      .constantFrom('"', '\\', '\\u', '\\u12', '[', ']', ':', ',', '\0', '\xff', '\x82', '\xe2\x82', 'a')
      .map((bytes) => Buffer.from(bytes, 'latin1'));
    await fc.assert(
      fc.asyncProperty(
        withTexts,
        junk,
        fc.nat(),
        fc.nat(2),
        fc.constantFrom(...SMALL_TURNS),
        async (value, fault, place, lost, turnBytes) => {
          const json = Buffer.from(JSON.stringify([LONG_TEXT, value]));
          const at = place % json.byteLength;
          const body = Buffer.concat([json.subarray(0, at), fault, json.subarray(at + lost)]);
          const whole = Promise.try(() => jsonParse(body)).catch(() => 'refused');
          expect(await parsed(body, { turnBytes }).catch(() => 'refused')).toEqual(await whole);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(SMALL_TURNS)('may be cut every %p bytes', async (turnBytes) => {
    const run = Array.from({ length: 300 }, (_, index) => EVERYTHING.slice(index % 30));
    const value = { [EVERYTHING]: LONG_TEXT, run, mixed: [...run, 1, ...run, [LONG_TEXT], ...run] };
    for (const json of [JSON.stringify(value), JSON.stringify(value, undefined, '\t'), escaped(JSON.stringify(value))]) {
      expect(await parsed(json, { turnBytes })).toEqual(value);
    }
    expect(await parsed(JSON.stringify(LONG_TEXT), { turnBytes })).toBe(LONG_TEXT);
  });

  it.each([
    ['one of escapes', [EVERYTHING.repeat(50_000)]],
    ['one without', ['a'.repeat(2 * 1024 * 1024)]],
    ['many', Array(200_000).fill('of "these"')],
  ])('take turns of the event loop: %s', async (_, value) => {
    const body = Buffer.from(JSON.stringify(value));
    const turns = await turnsOf(scanJson(body, DOUBLES, jsonParse));
    expect(turns).toBeGreaterThan(body.byteLength / (80 * 1024));
  });

  it.each([
    ['a bad escape', Buffer.from('\\x')],
    ['half an escape', Buffer.from('\\u12x')],
    ['a control character', Buffer.from('\n')],
    ['a byte that is no UTF-8', Buffer.of(0xff)],
    ['a sequence without its end', Buffer.of(0xe2, 0x82)],
    ['a sequence without its beginning', Buffer.of(0x82, 0x82, 0x82, 0x82)],
    ['half of a character', Buffer.of(0xed, 0xa0, 0x80)],
  ])('with %s are refused at once', async (_, fault) => {
    const rest = 'a'.repeat(2 * 1024 * 1024);
    for (const begin of ['{"x":"', '["x", "', '"']) {
      for (const turnBytes of SMALL_TURNS) {
        const parsing = parsed(Buffer.concat([Buffer.from(begin), fault, Buffer.from(rest)]), { turnBytes });
        const ended = parsed(Buffer.concat([Buffer.from(begin), fault, Buffer.from(`${rest}"`)]), { turnBytes });
        for (const refused of [parsing, ended]) {
          expect(await turnsOf(refused)).toBeLessThan(10);
          await expect(refused).rejects.toMatchObject({
            code: 'INVALID_REQUEST',
            field: 'body',
            message: expect.stringContaining('The body is not JSON: '),
          });
        }
      }
    }
  });

  it.each(['', 'a', '\\', '\\"', '\\u', '\\u00e', 'é'])('that end with %p and no quote are refused', async (end) => {
    for (const begin of ['"', `["${LONG_TEXT.replaceAll(/\W/g, 'a')}","`]) {
      await expect(parsed(begin + end)).rejects.toThrow('The body is not JSON: a text has no end');
    }
  });

  it.each(SMALL_TURNS)('are none with a quote in an escape (cut every %p bytes)', async (turnBytes) => {
    for (const end of ['', LONG_TEXT.replaceAll(/\W/g, 'a')]) {
      await expect(parsed(`["\\"\\u12"${end}"]`, { turnBytes })).rejects.toThrow();
      await expect(parsed(`["\\"\\u12"${end}","a"]`, { turnBytes })).rejects.toThrow();
    }
  });

  it('tell where they are none', async () => {
    await expect(parsed(`["${'a'.repeat(200_000)}\\x"]`)).rejects.toThrow(
      /^The body is not JSON: Bad escaped character .* byte 1966\d\d on\)$/,
    );
  });

  it('may be names of properties, long ones within bounds', async () => {
    const named = { [LONG_TEXT]: { [LONG_TEXT]: [LONG_TEXT] }, ['n'.repeat(1024 * 1024)]: 1 };
    expect(await parsed(JSON.stringify(named, undefined, 1))).toEqual(named);
    const tooLong = { code: 'PAYLOAD_TOO_LARGE', field: 'body' };
    await expect(parsed(`{"${'n'.repeat(3 * 1024 * 1024)}":1}`)).rejects.toMatchObject(tooLong);
    await expect(parsed(`{${`"${'\\"'.repeat(SHORTEST_RUN / 2)}":1,`.repeat(600)}"n":1}`)).rejects.toMatchObject(tooLong);
  });

  it('may be names of properties, as often as anybody likes, though not thousands that differ', async () => {
    const rows = (names: number): string => JSON.stringify(Array.from({ length: 20_000 }, (_, row) => ({ [`name ${row % names}`]: 1 })));
    expect(await parsed(rows(4096))).toEqual(JSON.parse(rows(4096)));
    const tooMany = { code: 'PAYLOAD_TOO_LARGE', field: 'body', message: expect.stringContaining('4096 names') };
    await expect(parsed(rows(4097))).rejects.toMatchObject(tooMany);
  });

  it('may belong to __proto__', async () => {
    const value = (await parsed(`{"__proto__":"${'a'.repeat(SHORTEST_RUN)}"}`)) as object;
    expect(Object.entries(value)).toEqual([['__proto__', 'a'.repeat(SHORTEST_RUN)]]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('stand for nothing else where they are what a name might be', async () => {
    const value = [LONG_TEXT, ...Array.from({ length: 5 }, (_, index) => `${crypto.randomUUID()}:${index}`), crypto.randomUUID()];
    expect(await parsed(JSON.stringify(value))).toEqual(value);
  });
});

describe('a large body that is nested', () => {
  const block = `[${Array(64).fill(1).join()}]`;
  const tooDeep = { code: 'INVALID_REQUEST', message: `The body is nested deeper than ${DEEPEST}` };

  it.each([
    ['a number', '1', 0],
    ['a text of brackets', JSON.stringify('[{"['.repeat(5000)), 0],
    ['an array', '[1,"a"]', 1],
    ['a block', block, 1],
    ['a block of blocks', `[[${block}],[${block}]]`, 3],
    ['a block and a text', `[${block},"a"]`, 2],
    ['objects', '{"a":{"b":1}}', 2],
  ])('around %s is refused exactly where it is too deep', async (_, inner, depth) => {
    for (const [open, close, beside] of [
      ['[', ']', 0],
      ['{"a":', '}', 0],
      ['[1,[[1,2],[3]],{},[], ', ']', 2],
    ] as const) {
      const around = DEEPEST - Math.max(depth, beside);
      for (const turnBytes of SMALL_TURNS) {
        const nest = (levels: number): Promise<unknown> => parsed(open.repeat(levels) + inner + close.repeat(levels), { turnBytes });
        await expect(nest(around)).resolves.toBeDefined();
        await expect(nest(around + 1)).rejects.toMatchObject(tooDeep);
      }
    }
  });
});
