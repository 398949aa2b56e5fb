// ModelInferRequest -> tensors and what is asked for them.
import { invalid } from '../errors.js';
import type { Model } from '../models/model.js';
import type { Signature } from '../models/signature.js';
import { checkFit, inputSpec } from '../inference/input-spec.js';
import { flag, refuseUnserved, type Parameters } from '../oip/parameters.js';
import { checkDatatype, checkShape, dataFromBytes } from '../oip/raw-tensor.js';
import { outputNames, outputQuery, refuseHalves, type OutputQuery } from '../oip/requested-outputs.js';
import type { Tensor } from '../tensor.js';
import { dataFromContents } from './contents.js';
import type { ModelInferRequest, ModelInferRequest_InferInputTensor as InputTensor } from './inference_pb.js';
import { parametersOf } from './parameters.js';

export interface InferQuery extends OutputQuery {
  readonly id: string;
  readonly tensors: readonly Tensor[];
  readonly parameters: Parameters;
}

/**
 * Tensors are views of the message's memory where it is aligned.
 * @throws NestorError INVALID_REQUEST, NOT_IMPLEMENTED
 */
export function readInfer({ id, inputs, outputs, parameters: given, rawInputContents: raw }: ModelInferRequest, model: Model): InferQuery {
  const parameters = parametersOf(given, 'parameters');
  if (raw.length > 0 && raw.length !== inputs.length) {
    throw invalid(
      'raw_input_contents',
      `There are ${raw.length} for ${inputs.length} inputs; send one for each input, or contents for all`,
    );
  }
  const tensors = inputs.map((input, index) => readInput(input, raw[index], model.signature));
  const requested = outputs.map(({ name, parameters: own }) => ({ name, parameters: parametersOf(own, `outputs.${name}.parameters`) }));
  const query = outputQuery(requested, flag(parameters, 'binary_data_output', 'parameters') ?? true);
  refuseHalves(query, model);
  if (new Set(outputNames(query, model).map(query.isBinary)).size > 1) {
    throw invalid('outputs', 'Over gRPC either all outputs go as bytes or none; give binary_data one value for all');
  }
  return { id, tensors, parameters, ...query };
}

function readInput(input: InputTensor, raw: Uint8Array | undefined, signature: Signature): Tensor {
  const { name, datatype: claimed, contents } = input;
  const spec = inputSpec(signature, name);
  const field = `inputs.${name}`;
  refuseUnserved(parametersOf(input.parameters, `${field}.parameters`), field);
  const datatype = checkDatatype(claimed, `${field}.datatype`, spec.datatype);
  const shape = checkShape(input.shape, `${field}.shape`);
  checkFit(spec, datatype, shape);
  if (raw && contents) throw invalid(`${field}.contents`, 'A tensor has contents or raw_input_contents, not both');
  if (raw) return { name, datatype, shape, data: dataFromBytes(raw, datatype, shape, `${field}.data`) };
  if (!contents) throw invalid(`${field}.contents`, 'The data are missing; send contents, or raw_input_contents for all inputs');
  return { name, datatype, shape, data: dataFromContents(contents, datatype, shape, `${field}.contents`) };
}
