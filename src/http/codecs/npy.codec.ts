// application/x-npy: one tensor as NumPy saves it.
import { NestorError } from '../../errors.js';
import { checkFit } from '../../inference/input-spec.js';
import type { Codec } from './codec.js';
import { floatBlock } from './float-block.js';
import { hasDescription, npyHead, readNpyHead } from './npy-header.js';
import { bytesOf, dataFromBytes } from '../../oip/raw-tensor.js';
import { onlyInput, onlyOutput } from './single-tensor.js';

export const npyCodec: Codec = {
  mediaTypes: ['application/x-npy', 'application/npy'],
  singleOutput: true,

  decodePrediction: ({ bytes }, model) => {
    const spec = onlyInput(model);
    const { datatype, shape, offset } = readNpyHead(bytes);
    checkFit(spec, datatype, shape);
    const tensor = { name: spec.name, datatype, shape, data: dataFromBytes(bytes.subarray(offset), datatype, shape, 'body') };
    return { input: { kind: 'tensors', tensors: [tensor] }, byInstance: false };
  },

  encodePrediction: (prediction) => {
    const { name, datatype, shape, data } = onlyOutput(prediction);
    if (!hasDescription(datatype))
      throw new NestorError('NOT_ACCEPTABLE', `The output ${name} is ${datatype}, which .npy does not carry`, { field: 'Accept' });
    return { body: [npyHead(datatype, shape), bytesOf(data)] };
  },

  encodeEmbeddings: ({ vectors }) => {
    const { data, count, dimensions } = floatBlock(vectors);
    return { body: [npyHead('FP32', [count, dimensions]), data] };
  },
};
