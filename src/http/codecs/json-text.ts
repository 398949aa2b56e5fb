// JSON text <-> values, without losing integers beyond 2^53.
import { invalid } from '../../errors.js';
import type { TensorSpec } from '../../models/signature.js';
import { checkDepth } from './json-depth.js';
import { notJson } from './json-error.js';
import { MOST_INTEGER_DIGITS } from './json-number.js';
import { scanJson, tooMuch, type Reading } from './json-scan.js';

/** An integer of 16 digits or more, as a value of its own and not as a part of a fraction or an exponent. */
const LONG_INTEGER = /[[:,\s]-?\d{16,}\s*[,\]}]/;
const INTEGER = new RegExp(`^-?\\d{1,${MOST_INTEGER_DIGITS}}$`);
/** The exact parse calls a function for every value: 50 ms for so much of short arrays. */
const MOST_EXACT_BYTES = 256 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a body. Integers that a double cannot hold, and 64 bits can, become BigInts where `exact` is set; a scan decides first whether there
 * are any, since the exact parse takes ten times as long.
 * @throws NestorError INVALID_REQUEST
 */
export function parseJson(body: Uint8Array | undefined, exact: boolean): unknown {
  if (!body || body.byteLength === 0) throw invalid('body', 'The body is empty; send JSON');
  checkDepth(body);
  return parseShallow(body, exact);
}

/** @param from see notJson. */
function parseShallow(body: Uint8Array, exact: boolean, from = 0): unknown {
  const text = decoded(body, from);
  const exactly = exact && LONG_INTEGER.test(text);
  if (exactly && body.byteLength > MOST_EXACT_BYTES) {
    throw tooMuch(`${MOST_EXACT_BYTES} bytes beside arrays of 64 numbers and more, and texts, where integers of 16 digits are among them`);
  }
  try {
    return exactly ? JSON.parse(text, exactInteger) : JSON.parse(text);
  } catch (thrown) {
    throw notJson(thrown, from);
  }
}

function decoded(body: Uint8Array, from: number): string {
  try {
    return utf8.decode(body);
  } catch (thrown) {
    throw notJson(thrown, from);
  }
}

/** `JSON.parse` takes a millisecond for so many numbers. */
const SCANNED_FROM_BYTES = 64 * 1024;
const SINGLE: readonly string[] = ['FP32', 'BOOL', 'BYTES'];

/**
 * Parses a body of any size without holding the event loop: NumberBlocks stand for its long arrays of numbers.
 * @param inputs what the numbers are for: integers of 64 bits are exact where there are such inputs.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export async function parseBody(body: Buffer, inputs: readonly Pick<TensorSpec, 'datatype'>[]): Promise<unknown> {
  const exact = inputs.some(({ datatype }) => datatype.endsWith('INT64'));
  if (body.byteLength < SCANNED_FROM_BYTES) return parseJson(body, exact);
  const single = inputs.every(({ datatype }) => SINGLE.includes(datatype));
  return await parseLarge(body, { single, exact, blocks: true });
}

/**
 * Parses a body whole, its arrays of numbers too, and only one that is worth the time that it takes.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export async function parseWhole(body: Buffer): Promise<unknown> {
  if (body.byteLength < SCANNED_FROM_BYTES) return parseJson(body, false);
  return await parseLarge(body, { single: false, exact: false, blocks: false });
}

function parseLarge(body: Buffer, reading: Reading): Promise<unknown> {
  return scanJson(body, reading, (json, from) => parseShallow(json, reading.exact, from));
}

function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return INTEGER.test(source) ? BigInt(source) : value;
}

/** A BigInt as JSON: its digits, unquoted. */
export function jsonInteger(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : JSON.rawJSON(value.toString());
}
