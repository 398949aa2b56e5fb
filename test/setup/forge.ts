// Malformed requests out of valid ones, for any format: bytes, lengths, shapes, headers and compressions that are not what they claim.
import * as zlib from 'node:zlib';
import { DATATYPES, type Datatype, type Tensor } from '../../src/tensor.js';
import { between, type Random } from '../soak/random.js';
import type { Format, Outgoing } from './formats.js';
import { bytewise, oneOf } from './mutate.js';

const SHAPES: readonly (readonly number[])[] = [
  [], [0], [1], [-1], [3, 5], [2, 2, 2], [4_294_967_296, 4_294_967_296], [2 ** 52, 1], [2 ** 31, 2 ** 31, 0], [1_000_000_000], Array<number>(17).fill(1),
]; // prettier-ignore
const LENGTHS = ['-1', '0', '1', '1e3', 'x', '', '4294967296', '99999999999999999999', '0x10', '7'];
const SHAPE_TEXTS = [
  '4294967296, 4294967296',
  '-1',
  '1e3',
  '[2, 3',
  '2;3',
  '',
  '0',
  '9007199254740993',
  Array(40).fill('1').join(),
  '2, 3, ',
];
const TYPES = ['application/json', 'application/msgpack', 'application/x-protobuf', 'application/octet-stream', 'application/x-npy', 'image/png', 'multipart/form-data', 'multipart/form-data; boundary=x', 'a/b', ';']; // prettier-ignore
const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
const DEEP = 2000;
/** By what a nested value begins in JSON, MsgPack and Protobuf; the last two announce more than there is. */
const NESTED: readonly Buffer[] = [
  Buffer.from('['),
  Buffer.from('{"a":'),
  Buffer.from('{"inputs":{"x":['),
  Buffer.of(0x91),
  Buffer.of(0x81, 0xa1, 0x61),
  Buffer.of(0x0b),
  Buffer.of(0x0a, 0x7f),
  Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
];
/** 40 MB of zeros: more than a body may have. */
const BOMB = Buffer.alloc(40_000_000);
const BOMBS = CODINGS.map((coding) => [coding, compressed(coding, BOMB)] as const);

function compressed(coding: (typeof CODINGS)[number], body: Uint8Array): Buffer {
  if (coding === 'zstd') return zlib.zstdCompressSync(body);
  if (coding === 'br') return zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 } });
  return coding === 'gzip' ? zlib.gzipSync(body) : zlib.deflateSync(body);
}

type Forgery = (valid: Outgoing, random: Random) => Outgoing;

const bytes = (body: Uint8Array): Buffer<ArrayBuffer> => Buffer.from(new Uint8Array(body));
const withHeader = (valid: Outgoing, name: string, value: string): Outgoing => ({ ...valid, headers: { ...valid.headers, [name]: value } });

const FORGERIES: readonly (readonly [number, Forgery])[] = [
  [40, (valid, random) => ({ ...valid, body: bytewise(bytes(valid.body), random) })],
  [15, overwritten],
  [6, (valid, random) => ({ ...valid, body: Buffer.concat(Array<Buffer>(between(random, 1, DEEP)).fill(oneOf(random, NESTED))) })],
  [10, (valid, random) => withHeader(valid, 'Inference-Header-Content-Length', oneOf(random, LENGTHS))],
  [6, (valid, random) => withHeader(valid, 'Tensor-Shape', oneOf(random, SHAPE_TEXTS))],
  [4, (valid, random) => withHeader(valid, 'Tensor-Datatype', oneOf(random, [...Object.keys(DATATYPES), 'BF16', 'fp32', '']))],
  [5, (valid, random) => withHeader(valid, 'Content-Type', oneOf(random, TYPES))],
  [4, (valid, random) => withHeader(valid, 'Accept', oneOf(random, [...TYPES, '*/*;q=0', 'text/html']))],
  [4, (valid, random) => withHeader(valid, 'Content-Encoding', oneOf(random, [...CODINGS, 'compress', 'gzip, gzip', 'x']))],
  [6, (valid, random) => packed(valid, oneOf(random, CODINGS), random)],
  [0.1, (valid, random) => exploding(valid, random)],
];
const WEIGHT = FORGERIES.reduce((sum, [weight]) => sum + weight, 0);

/** Four or eight bytes that say something enormous, or nothing, in the place of others. */
function overwritten(valid: Outgoing, random: Random): Outgoing {
  const body = bytes(valid.body);
  const at = between(random, 0, Math.max(0, body.length - 1));
  body.fill(oneOf(random, [0xff, 0x7f, 0x00, 0x80]), at, Math.min(body.length, at + oneOf(random, [1, 4, 8])));
  return { ...valid, body };
}

/** Compressed, and then one fault in it. */
function packed(valid: Outgoing, coding: (typeof CODINGS)[number], random: Random): Outgoing {
  return { ...withHeader(valid, 'Content-Encoding', coding), body: bytewise(Buffer.from(compressed(coding, valid.body)), random) };
}

function exploding(valid: Outgoing, random: Random): Outgoing {
  const [coding, body] = oneOf(random, BOMBS);
  return { ...withHeader(valid, 'Content-Encoding', coding), body };
}

/** A request that is wrong somewhere, or happens to be right still. */
export function forge(format: Format, model: string, inputs: readonly Tensor[], outputs: readonly string[], random: Random): Outgoing {
  const odd = random() < 0.15 ? misdescribed(inputs, random) : inputs;
  if (odd !== inputs && odd.every(format.carries)) return format.write(model, odd, outputs);
  const valid = format.write(model, inputs, outputs);
  let at = random() * WEIGHT;
  const [, forgery] = FORGERIES.find(([weight]) => (at -= weight) < 0) ?? FORGERIES[0] ?? [];
  return forgery ? forgery(valid, random) : valid;
}

/** One input has another shape, name or datatype than its data. */
function misdescribed(inputs: readonly Tensor[], random: Random): Tensor[] {
  const odd = between(random, 0, inputs.length - 1);
  const fault = random();
  return inputs.map((input, index) => {
    if (index !== odd) return input;
    if (fault < 0.6) return { ...input, shape: oneOf(random, SHAPES) };
    if (fault < 0.8) return { ...input, datatype: oneOf(random, Object.keys(DATATYPES) as Datatype[]) };
    return { ...input, name: oneOf(random, ['', 'y', '__proto__', 'constructor', 'x'.repeat(3000)]) };
  });
}
