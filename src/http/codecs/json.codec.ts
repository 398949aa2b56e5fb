// application/json: named tensors or instances, and OpenAI's embeddings; integers of 64 bits are exact.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Embeddings } from '../../inference/prediction.js';
import type { Codec, EmbeddingsQuery } from './codec.js';
import { readDocument, writeDocument, type Writing } from './document.js';
import { readEmbeddings } from './embeddings-document.js';
import { parseBody } from './json-text.js';
import { JsonWriter } from './json-writer.js';
import { bytesOf } from '../../oip/raw-tensor.js';

/** Vectors that are written in one turn of the event loop: about a millisecond of work. */
const VECTORS_A_TURN = 16;
const TYPE = 'application/json; charset=utf-8';

export const jsonCodec: Codec = {
  // A client that names problem+json means its errors; what it wants otherwise is JSON.
  mediaTypes: ['application/json', 'application/problem+json'],
  suffix: '+json',

  decodePrediction: async ({ bytes }, model) => {
    // The shortest element is a digit and a comma.
    return readDocument(await parseBody(bytes, model.signature.inputs), model, bytes.byteLength / 2 + 1);
  },

  encodePrediction: (prediction, query) => {
    const writer = new JsonWriter(prediction.parts.flat());
    const writing: Writing = {
      tensor: (tensor) => ({ datatype: tensor.datatype, shape: tensor.shape, data: writer.values(tensor) }),
      row: (tensor, shape) => writer.values(tensor, shape),
    };
    return { body: writer.body(writeDocument(prediction, query, writing)), type: TYPE };
  },

  decodeEmbeddings: async ({ bytes }) => readEmbeddings(await parseBody(bytes, [])),

  encodeEmbeddings: (embeddings, query) => {
    const some = embeddings.vectors.length <= VECTORS_A_TURN;
    const body = some
      ? JSON.stringify(list(embeddings, query, 0, VECTORS_A_TURN))
      : Readable.from(pieces(embeddings, query), { objectMode: false });
    return { body, type: TYPE };
  },
};

function list({ vectors, tokens, model }: Embeddings, { format }: EmbeddingsQuery, from: number, to: number) {
  const data = vectors.slice(from, to).map((vector, index) => ({
    object: 'embedding',
    index: from + index,
    embedding: format === 'base64' ? base64(vector) : Array.from(vector),
  }));
  return { object: 'list', data, model: model.name, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** Thousands of vectors go out piece by piece, so that the event loop stays free. */
async function* pieces(embeddings: Embeddings, query: EmbeddingsQuery): AsyncGenerator<Buffer> {
  const { length } = embeddings.vectors;
  for (let from = 0; from < length; from += VECTORS_A_TURN) {
    const { object, data, ...tail } = list(embeddings, query, from, from + VECTORS_A_TURN);
    const start = from === 0 ? `{"object":${JSON.stringify(object)},"data":[` : ',';
    const end = from + VECTORS_A_TURN < length ? '' : `],${JSON.stringify(tail).slice(1)}`;
    yield Buffer.from(start + JSON.stringify(data).slice(1, -1) + end);
    await setImmediate();
  }
}

/** Little-endian float32, which every machine that Node runs on has in memory. */
function base64(vector: Float32Array): string {
  const { buffer, byteOffset, byteLength } = bytesOf(vector);
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
