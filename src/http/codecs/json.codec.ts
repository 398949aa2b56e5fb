// application/json: named tensors or instances, and OpenAI's embeddings; integers of 64 bits are exact.
import type { Embeddings } from '../../inference/prediction.js';
import type { Codec, EmbeddingsQuery } from './codec.js';
import { readDocument, writeDocument, type Writing } from './document.js';
import { readEmbeddings } from './embeddings-document.js';
import { jsonBody, vectorOf, type Part } from './json-body.js';
import { checkFinite } from './json-tensors.js';
import { parseBody } from './json-text.js';
import { JsonWriter } from './json-writer.js';
import { bytesOf } from '../../oip/raw-tensor.js';

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
    const writer = new JsonWriter();
    const writing: Writing = {
      tensor: (tensor) => ({ datatype: tensor.datatype, shape: tensor.shape, data: writer.values(tensor) }),
      row: (tensor, shape) => writer.values(tensor, shape),
    };
    return { body: writer.body(writeDocument(prediction, query, writing)), type: TYPE };
  },

  decodeEmbeddings: async ({ bytes }) => readEmbeddings(await parseBody(bytes, [])),

  encodeEmbeddings: (embeddings, query) => {
    // Before the first byte leaves: behind it nothing can be refused. Base64 carries every float.
    if (query.format === 'float') for (const vector of embeddings.vectors) checkFinite(vector, 'embedding');
    return { body: jsonBody(partsOf(embeddings, query)), type: TYPE };
  },
};

function* partsOf({ vectors, tokens, model }: Embeddings, { format }: EmbeddingsQuery): Generator<Part> {
  let before = '{"object":"list","data":[';
  for (const [index, vector] of vectors.entries()) {
    yield `${before}{"object":"embedding","index":${index},"embedding":`;
    yield format === 'base64' ? `"${base64(vector)}"` : vectorOf(vector);
    before = '},';
  }
  yield `}],"model":${JSON.stringify(model.name)},"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
}

/** Little-endian float32, which every machine that Node runs on has in memory. */
function base64(vector: Float32Array): string {
  const { buffer, byteOffset, byteLength } = bytesOf(vector);
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
