// application/msgpack: the documents of JSON, with tensors as `{ shape, datatype, data: bin }`.
import { Decoder, Encoder } from '@msgpack/msgpack';
import { invalid, reasonOf } from '../../errors.js';
import type { Codec, Incoming } from './codec.js';
import { readDocument, writeDocument, type Writing } from './document.js';
import { readEmbeddings } from './embeddings-document.js';
import { checkMsgpack } from './msgpack-bounds.js';
import { bytesOf } from '../../oip/raw-tensor.js';

// The reference implementation, and not msgpackr: as fast where the bulk is bin (both hand out views of the body, both copy
// an answer once: 0.7 and 40 us for 600 KB), and it makes no functions or regular expressions of what a client sends.
const decoder = new Decoder({ useBigInt64: true });
const encoder = new Encoder({ useBigInt64: true, ignoreUndefined: true });

const writing: Writing = {
  tensor: ({ datatype, shape, data }) => ({ datatype, shape, data: bytesOf(data) }),
  // Unlike JSON it has NaN, infinities and integers of 64 bits.
  values: ({ data, datatype }) => (datatype === 'BOOL' ? Array.from(data, Boolean) : Array.from<unknown>(data)),
};

export const msgpackCodec: Codec = {
  mediaTypes: ['application/msgpack', 'application/x-msgpack', 'application/vnd.msgpack'],

  decodePrediction: (incoming, model) => readDocument(parse(incoming), model, incoming.bytes.byteLength + 1),

  encodePrediction: (prediction, query) => ({ body: encoder.encode(writeDocument(prediction, query, writing)) }),

  decodeEmbeddings: (incoming) => readEmbeddings(parse(incoming)),

  encodeEmbeddings: ({ model, vectors, tokens }) => {
    const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: bytesOf(vector) }));
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    return { body: encoder.encode({ object: 'list', data, model: model.name, usage }) };
  },
};

function parse({ bytes }: Incoming): unknown {
  if (bytes.byteLength === 0) throw invalid('body', 'The body is empty; send MsgPack');
  checkMsgpack(bytes);
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    throw invalid('body', `The body is not MsgPack: ${reasonOf(thrown).slice(0, 120)}`);
  }
}
