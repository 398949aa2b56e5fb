// A prediction -> the answer of the protocol: JSON, and behind it the bytes of those outputs that were asked for so.
import type { Prediction } from '../../inference/prediction.js';
import type { Encoded } from '../codecs/codec.js';
import { JsonWriter } from '../codecs/json-writer.js';
import { bytesOf } from '../../oip/raw-tensor.js';
import { HEADER_LENGTH } from './infer-body.js';
import type { InferQuery } from './infer-request.js';

export function encodeInferred({ id, isBinary }: InferQuery, { model, outputs }: Prediction): Encoded {
  const blocks: Uint8Array[] = [];
  const writer = new JsonWriter();
  const tensors = outputs.map((output) => {
    const { name, datatype, shape, data } = output;
    if (!isBinary(name)) return { name, datatype, shape, data: writer.values(output) };
    const bytes = bytesOf(data);
    blocks.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  const head = { model_name: model.name, model_version: model.version, ...(id !== undefined && { id }), outputs: tensors };
  if (blocks.length === 0) return { body: writer.body(head) };
  const text = Buffer.from(writer.text(head));
  return {
    body: [text, ...blocks],
    type: 'application/octet-stream',
    headers: { [HEADER_LENGTH]: String(text.byteLength) },
  };
}
