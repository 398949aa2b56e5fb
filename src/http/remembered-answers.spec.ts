// Whole answers are told apart by every header that a codec reads.
import type { IncomingHttpHeaders } from 'node:http';
import { expect, it } from '@jest/globals';
import { Signature } from '../models/signature.js';
import type { Model } from '../models/model.js';
import { DECISIVE_HEADERS } from './remembered-answers.js';
import { decoderFor, mediaTypes } from './codecs/registry.js';
import { matches } from './cache-control.js';

const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 4], axes: [] };
const model = { name: 'any', version: '1', signature: new Signature([spec], [spec]), image: {} } as unknown as Model;

/** Notes which headers are looked at. */
function watched(headers: IncomingHttpHeaders, seen: Set<string>): IncomingHttpHeaders {
  return new Proxy(headers, {
    get: (target, name) => {
      seen.add(String(name));
      return target[String(name)];
    },
  });
}

it.each([...new Set([...mediaTypes('decode', 'Prediction'), ...mediaTypes('decode', 'Embeddings')])])('%s', async (type) => {
  const seen = new Set<string>();
  const headers = watched({ 'content-type': type.startsWith('multipart') ? `${type}; boundary=x` : type }, seen);
  const incoming = { bytes: Buffer.alloc(16), headers };
  try {
    await decoderFor('Prediction', type).decodePrediction(incoming, model);
  } catch {
    // What it says of the body is not the point.
  }
  expect([...seen].filter((name) => !(DECISIVE_HEADERS as readonly string[]).includes(name))).toEqual([]);
  if (type === 'application/octet-stream') expect(seen).toEqual(new Set(['tensor-shape', 'tensor-datatype']));
});

it('entity tags are compared weakly, in lists, and with the star', () => {
  for (const header of ['W/"a"', '"a"', '"b", W/"a"', '*']) expect(matches(header, 'W/"a"')).toBe(true);
  for (const header of [undefined, '', 'a', '"b"', 'W/"b"']) expect(matches(header, 'W/"a"')).toBe(false);
});
