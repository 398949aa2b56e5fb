// JSON text: 64 bits survive it, and what is no JSON is refused.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEEPEST } from './json-depth.js';
import { jsonInteger, parseBody, parseJson, parseWhole } from './json-text.js';
import { NumberBlock } from './number-block.js';

const parse = (text: string, exact = true): unknown => parseJson(Buffer.from(text), exact);
const DOUBLES = ['0.12345678901234567890', '1e300', '12345678901234567890.5', '1234567890123456789e2', '-0'];
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (text, exact) => {
        fc.pre(!/\d{16}/.test(text));
        expect(parse(text, exact)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps integers of 64 bits that a double cannot hold, wherever they stand', () => {
    fc.assert(
      fc.property(fc.array(int64, { minLength: 1 }), (values) => {
        const digits = values.map(String).join(', ');
        const expected = values.map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
        expect(parse(`{"a": [${digits}], "b": {"c":${values[0]}}}`)).toEqual({ a: expected, b: { c: expected[0] } });
      }),
    );
  });

  it('does so only where it is asked to', () => {
    expect(parse('[9007199254740993]', false)).toEqual([9007199254740992]);
    expect(parse('[9007199254740993]', true)).toEqual([9007199254740993n]);
  });

  it('takes fractions and exponents of many digits for the numbers that they are', () => {
    const [exact, ...doubles] = parse(`[9007199254740993, ${DOUBLES.join(', ')}]`) as unknown[];
    expect(exact).toBe(9007199254740993n);
    expect(doubles).toEqual(DOUBLES.map(Number));
  });

  it('leaves integers of more digits than 64 bits have as the doubles that JSON.parse makes of them', () => {
    const digits = '1'.repeat(21);
    expect(parse(`[${digits}, -${digits}, 18446744073709551615]`)).toEqual([Number(digits), -Number(digits), 18446744073709551615n]);
  });

  it('leaves digits in texts alone', () => {
    expect(parse('["12345678901234567890", 12345678901234567890]')).toEqual(['12345678901234567890', 12345678901234567890n]);
  });

  it.each(['{', '[1,]', '{"a":NaN}', "{'a':1}", '01', '\u{feff}{}x', 'undefined'])('refuses %j', (text) => {
    for (const exact of [true, false]) {
      expect(() => parse(text, exact)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'body' }));
    }
  });

  it('refuses no body and bytes that are no text', () => {
    for (const body of [undefined, new Uint8Array(), Uint8Array.of(0x22, 0xff, 0x22)]) {
      expect(() => parseJson(body, false)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'body' }));
    }
  });

  it('survives nesting of any depth', () => {
    const depth = 100_000;
    expect(() => parse('['.repeat(depth) + '1'.repeat(20) + ']'.repeat(depth))).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });
});

describe('a body of any size', () => {
  const BYTES = [{ datatype: 'BYTES' }] as const;
  const rows = Array.from({ length: 100 }, () => Array.from({ length: 100 }, (_, index) => index / 8));
  const document = (times: number): object => ({ texts: Array(times).fill('"é"\n'), text: '\\"😀'.repeat(times), n: [1, null, 'a'] });

  it.each([1, 100, 100_000])('with %i times a text is what JSON.parse makes of it', async (times) => {
    for (const text of [JSON.stringify(document(times)), `\ufeff ${JSON.stringify(document(times), undefined, 1)}\n`]) {
      for (const parsing of [parseBody(Buffer.from(text), BYTES), parseWhole(Buffer.from(text))]) {
        expect(await parsing).toEqual(document(times));
      }
    }
  });

  it('has blocks for its arrays of numbers unless they are wanted whole', async () => {
    const body = Buffer.from(JSON.stringify({ ...document(20_000), rows }));
    expect(await parseBody(body, BYTES)).toEqual({ ...document(20_000), rows: expect.any(NumberBlock) });
    expect(await parseWhole(body)).toEqual({ ...document(20_000), rows });
  });

  it('keeps integers of 64 bits beside long texts', async () => {
    const text = 'a"'.repeat(50_000);
    const body = `{"text":${JSON.stringify(text)},"id":9007199254740993}`;
    expect(await parseBody(Buffer.from(body), [{ datatype: 'INT64' }])).toEqual({ text, id: 9007199254740993n });
  });

  it('is refused where the exact parse would take long: integers of 64 bits beside many short texts of one object', async () => {
    const texts = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 'a'.repeat(100)]));
    const body = (count: number): Buffer => Buffer.from(`{"ids":[9007199254740993],"texts":${JSON.stringify(texts(count))}}`);
    const parse = (count: number): Promise<unknown> => parseBody(body(count), [{ datatype: 'INT64' }]);
    await expect(parse(2200)).resolves.toMatchObject({ ids: [9007199254740993n] });
    await expect(parse(2600)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
    await expect(parseBody(body(2600), BYTES)).resolves.toBeDefined();
  });

  it('keeps integers of 64 bits in as many short arrays as there may be', async () => {
    const rows = Array.from({ length: 80_000 }, (_, row) => [9007199254740993n + BigInt(row)]);
    const body = Buffer.from(`[${rows.map(([id]) => `[${id}]`).join()},[1,2]]`);
    expect(await parseBody(body, [{ datatype: 'INT64' }])).toEqual([...rows, [1, 2]]);
  });

  it.each([1, 100_000])('may be nested so deep and no deeper (a text of %i bytes)', async (length) => {
    const nested = (depth: number): Buffer => Buffer.from(`["${'a'.repeat(length)}",${'['.repeat(depth - 1)}${']'.repeat(depth)}`);
    for (const parse of [parseWhole, (body: Buffer) => parseBody(body, BYTES)]) {
      await expect(parse(nested(DEEPEST))).resolves.toBeDefined();
      await expect(parse(nested(DEEPEST + 1))).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        field: 'body',
        message: `The body is nested deeper than ${DEEPEST}`,
      });
    }
  });
});

it('too many numbers for a body that is parsed whole are called numbers, and no other format is recommended', async () => {
  const body = Buffer.from(`{"inputs":[${'1,'.repeat(2_200_000)}1]}`);
  await expect(parseWhole(body)).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: 'JSON may hold 4194304 bytes of numbers, or of short texts in one object, here; send it in parts',
  });
});

describe('jsonInteger', () => {
  it('writes every digit, unquoted', () => {
    fc.assert(
      fc.property(int64, (value) => {
        expect(JSON.stringify([jsonInteger(value)])).toBe(`[${value}]`);
      }),
    );
  });
});
