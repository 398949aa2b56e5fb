// application/msgpack: the documents of JSON, with tensors as `{ shape, datatype, data: bin }`.
import { Decoder, Encoder } from '@msgpack/msgpack';
import { invalid, reasonOf } from '../../errors.js';
import type { Codec, Incoming } from './codec.js';
import { readDocument, writeDocument, type Writing } from './document.js';
import { readEmbeddings } from './embeddings-document.js';
import { nest } from './json-tensors.js';
import { checkMsgpack } from './msgpack-bounds.js';
import { bytesOf } from '../../oip/raw-tensor.js';

// The reference implementation, and not msgpackr: as fast where the bulk is bin (both hand out views of the body, both copy
// an answer once: 0.7 and 40 us for 600 KB), and it makes no functions or regular expressions of what a client sends.
const decoder = new Decoder({ useBigInt64: true });
const encoder = new Encoder({ useBigInt64: true, ignoreUndefined: true });

/** Longer bytes go out as a piece of their own, uncopied. */
const PIECE_FROM_BYTES = 4096;

const writing: Writing = {
  tensor: ({ datatype, shape, data }) => ({ datatype, shape, data: bytesOf(data) }),
  // Unlike JSON it has NaN, infinities and integers of 64 bits.
  row: ({ data, datatype }, shape) => nest(datatype === 'BOOL' ? Array.from(data, Boolean) : Array.from<unknown>(data), shape),
};

export const msgpackCodec: Codec = {
  mediaTypes: ['application/msgpack', 'application/x-msgpack', 'application/vnd.msgpack'],

  decodePrediction: (incoming, model) => readDocument(parse(incoming), model, incoming.bytes.byteLength + 1),

  encodePrediction: (prediction, query) => ({ body: inPieces(writeDocument(prediction, query, writing)) }),

  decodeEmbeddings: (incoming) => readEmbeddings(parse(incoming)),

  encodeEmbeddings: ({ model, vectors, tokens }) => {
    const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: bytesOf(vector) }));
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    return { body: encoder.encode({ object: 'list', data, model: model.name, usage }) };
  },
};

/** MsgPack of a document, large bytes in it as pieces of their own, which the library's encoder would copy twice. */
function inPieces(value: object): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const write = (inner: unknown): void => {
    if (inner instanceof Uint8Array && inner.byteLength >= PIECE_FROM_BYTES) pieces.push(binHead(inner.byteLength), inner);
    else if (!isMap(inner)) pieces.push(encoder.encode(inner));
    else {
      const entries = Object.entries(inner);
      pieces.push(mapHead(entries.length));
      for (const [key, member] of entries) {
        pieces.push(encoder.encode(key));
        write(member);
      }
    }
  };
  write(value);
  return pieces;
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** bin 32 and map 32 of https://github.com/msgpack/msgpack/blob/master/spec.md: longer than need be for small ones, and as good. */
function binHead(size: number): Uint8Array {
  return head(0xc6, size);
}

function mapHead(size: number): Uint8Array {
  return head(0xdf, size);
}

function head(type: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(5, type);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

function parse({ bytes }: Incoming): unknown {
  if (bytes.byteLength === 0) throw invalid('body', 'The body is empty; send MsgPack');
  checkMsgpack(bytes);
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    throw invalid('body', `The body is not MsgPack: ${reasonOf(thrown).slice(0, 120)}`);
  }
}
