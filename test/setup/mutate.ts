// Malformed bodies out of valid ones: values exchanged, members lost and invented, bytes flipped, cut and doubled.
import { between, type Random } from '../soak/random.js';

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}

/** What breaks parsers, as JSON text. */
const STRANGE = [
  'null', 'true', '-1', '0.5', '1e400', '-1e39', '9007199254740993', '9223372036854775808', '""', '"1"', '"\\ud800"', '"\\u0000"', '[]', '[[]]',
  '{}', '[null]', '{"__proto__":1}', '{"constructor":null}', '"__proto__"', '[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]', '[1,[2]]', 'NaN', '"x"', '[4294967296,4294967296]',
]; // prettier-ignore
const NAMES = [
  'inputs',
  'instances',
  'outputs',
  'id',
  'shape',
  'data',
  'datatype',
  'input',
  'model',
  'dimensions',
  'encoding_format',
  '__proto__',
  'constructor',
  'image',
];
type Bytes = Buffer<ArrayBuffer>;
const HOLE = '\u0001hole\u0001';

const below = (random: Random, count: number): number => between(random, 0, count - 1);

export function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[below(random, items.length)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

/** One to three faults in a valid body. */
export function mutate(valid: unknown, random: Random): Bytes {
  const text = random() < 0.75 ? structural(structuredClone(valid) as Json, random) : JSON.stringify(valid);
  let bytes = Buffer.from(text);
  if (text === JSON.stringify(valid) || random() < 0.15) bytes = bytewise(bytes, random);
  return bytes;
}

function structural(value: Json, random: Random): string {
  let text = JSON.stringify(value);
  for (let faults = 1 + below(random, 3); faults > 0; faults--) {
    const [parent, key] = place(value, random);
    if (parent === undefined) break;
    const kind = random();
    if (Array.isArray(parent)) {
      if (kind < 0.25) parent.splice(Number(key), 1);
      else if (kind < 0.5) parent.splice(Number(key), 0, parent[Number(key)] ?? 0);
      else parent[Number(key)] = HOLE;
    } else {
      const old = parent[key] ?? null;
      if (kind < 0.35) Reflect.deleteProperty(parent, key);
      if (kind < 0.2)
        Object.defineProperty(parent, oneOf(random, NAMES), { value: old, enumerable: true, configurable: true, writable: true });
      if (kind >= 0.35) parent[key] = HOLE;
    }
    text = JSON.stringify(value).replaceAll(JSON.stringify(HOLE), () => oneOf(random, STRANGE));
  }
  return text;
}

/** A random place in the value: its container and the key there. */
function place(value: Json, random: Random): [Json[] | JsonObject | undefined, string] {
  let parent: Json[] | JsonObject | undefined;
  let key = '';
  let inner = value;
  while (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 && (!parent || random() < 0.7)) {
    parent = inner;
    key = oneOf(random, Object.keys(inner));
    inner = (inner as JsonObject)[key] ?? null;
  }
  return [parent, key];
}

/** One fault in the bytes: flipped, cut out, doubled, cut off. */
export function bytewise(bytes: Bytes, random: Random): Bytes {
  const at = below(random, bytes.length);
  const span = 1 + below(random, 8);
  const kind = random();
  if (kind < 0.3) return bytes.subarray(0, at);
  if (kind < 0.5) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
  if (kind < 0.7) return Buffer.concat([bytes.subarray(0, at + span), bytes.subarray(at)]);
  const flipped = Buffer.from(bytes);
  for (let index = at; index < Math.min(at + span, flipped.length); index++) flipped[index] = below(random, 256);
  return flipped;
}
