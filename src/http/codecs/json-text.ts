// JSON text <-> values, without losing integers beyond 2^53.
import { invalid, reasonOf } from '../../errors.js';

/** An integer of 16 digits or more, as a value of its own and not as a part of a fraction or an exponent. */
const LONG_INTEGER = /[[:,\s]-?\d{16,}\s*[,\]}]/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a body. Integers that a double cannot hold become BigInts where `exact` is set; a scan decides first whether there
 * are any, since the exact parse takes ten times as long.
 * @throws NestorError INVALID_REQUEST
 */
export function parseJson(body: Uint8Array | undefined, exact: boolean): unknown {
  if (!body || body.byteLength === 0) throw invalid('body', 'The body is empty; send JSON');
  try {
    const text = utf8.decode(body);
    return exact && LONG_INTEGER.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text);
  } catch (thrown) {
    throw invalid('body', `The body is not JSON: ${reasonOf(thrown).slice(0, 120)}`);
  }
}

function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** A BigInt as JSON: its digits, unquoted. */
export function jsonInteger(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : JSON.rawJSON(value.toString());
}
