// application/octet-stream: one tensor as its bytes, little-endian; shape and datatype in headers or from the signature.
import { invalid } from '../../errors.js';
import { checkFit } from '../../inference/input-spec.js';
import type { Datatype } from '../../tensor.js';
import type { Codec, Encoded, Incoming } from './codec.js';
import { floatBlock } from './float-block.js';
import { bytesOf, checkDatatype, checkShape, dataFromBytes } from '../../oip/raw-tensor.js';
import { onlyInput, onlyOutput, shapeOf } from './single-tensor.js';

const SHAPE_HEADER = 'Tensor-Shape';
const DATATYPE_HEADER = 'Tensor-Datatype';

export const octetStreamCodec: Codec = {
  mediaTypes: ['application/octet-stream'],
  singleOutput: true,

  decodePrediction: (incoming, model) => {
    const { bytes } = incoming;
    const spec = onlyInput(model);
    const datatype = checkDatatype(header(incoming, DATATYPE_HEADER) ?? spec.datatype, DATATYPE_HEADER, spec.datatype);
    const given = header(incoming, SHAPE_HEADER);
    const shape = given === undefined ? shapeOf(spec, datatype, bytes.byteLength, SHAPE_HEADER) : parseShape(given);
    checkFit(spec, datatype, shape);
    const tensor = { name: spec.name, datatype, shape, data: dataFromBytes(bytes, datatype, shape, 'body') };
    return { input: { kind: 'tensors', tensors: [tensor] }, byInstance: false };
  },

  encodePrediction: (prediction) => {
    const { datatype, shape, data } = onlyOutput(prediction);
    return { body: bytesOf(data), headers: headersOf(datatype, shape) };
  },

  encodeEmbeddings: ({ vectors }): Encoded => {
    const { data, count, dimensions } = floatBlock(vectors);
    return { body: data, headers: headersOf('FP32', [count, dimensions]) };
  },
};

function headersOf(datatype: Datatype, shape: readonly number[]): Record<string, string> {
  return { [SHAPE_HEADER]: shape.join(', '), [DATATYPE_HEADER]: datatype };
}

function header({ headers }: Incoming, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

/** `1, 3, 224, 224`, with brackets or without; nothing for a scalar. */
function parseShape(text: string): number[] {
  const sizes = text.replace(/^\s*\[(.*)\]\s*$/, '$1').trim();
  if (!/^(\d{1,15}(\s*,\s*\d{1,15})*)?$/.test(sizes)) throw invalid(SHAPE_HEADER, `${SHAPE_HEADER} is a list of sizes: 1, 3, 224, 224`);
  return checkShape(sizes === '' ? [] : sizes.split(',').map(Number), SHAPE_HEADER);
}
