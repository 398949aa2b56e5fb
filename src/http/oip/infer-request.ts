// An infer request: its JSON and bytes -> tensors and what is asked for them.
import { invalid } from '../../errors.js';
import type { Model } from '../../models/model.js';
import type { Signature } from '../../models/signature.js';
import type { Tensor } from '../../tensor.js';
import { checkFit, inputSpec } from '../../inference/input-spec.js';
import { isObject } from '../codecs/document-value.js';
import { parseBody } from '../codecs/json-text.js';
import { tensorFromJson, type Fill } from '../codecs/json-tensors.js';
import { checkDatatype, checkShape, dataFromBytes, textOf } from '../../oip/raw-tensor.js';
import { onlyInput, shapeOf } from '../codecs/single-tensor.js';
import { BinaryReader, splitBody, type InferBody } from './infer-body.js';
import { flag, readParameters, refuseUnserved, type Parameters } from '../../oip/parameters.js';
import { outputQuery, refuseHalves, type OutputQuery } from '../../oip/requested-outputs.js';

export interface InferQuery extends OutputQuery {
  readonly id: string | undefined;
  readonly tensors: readonly Tensor[];
  readonly parameters: Parameters;
}

type Members = Readonly<Record<string, unknown>>;

/** @throws NestorError INVALID_REQUEST, NOT_IMPLEMENTED */
export async function readInfer(bytes: Buffer, headerLength: string | string[] | undefined, model: Model): Promise<InferQuery> {
  const body = splitBody(bytes, headerLength);
  const query = body.json ? await readJson(body.json, body, model) : readRaw(body, model);
  refuseHalves(query, model);
  return query;
}

/** The whole body is the one tensor, and the answer is binary too. */
function readRaw({ binary }: InferBody, model: Model): InferQuery {
  const { name, datatype, ...spec } = onlyInput(model);
  const text = datatype === 'BYTES';
  const shape = text ? spec.shape.map(() => 1) : shapeOf({ ...spec, name, datatype }, datatype, binary.byteLength, 'inputs');
  const data = text ? [textOf(binary, 0, 'body')] : dataFromBytes(binary, datatype, shape, 'body');
  return { id: undefined, tensors: [{ name, datatype, shape, data }], outputs: undefined, isBinary: () => true, parameters: {} };
}

async function readJson(json: Buffer, { binary }: InferBody, { signature }: Model): Promise<InferQuery> {
  const { id, inputs, outputs, parameters: given } = members(await parseBody(json, signature.inputs), 'body');
  // Null, here and below, is what clients write who fill in every field.
  if (id !== undefined && id !== null && typeof id !== 'string') throw invalid('id', 'id must be a string');
  if (!Array.isArray(inputs)) throw invalid('inputs', 'inputs must be an array of tensors');
  const parameters = readParameters(given, 'parameters');
  const reader = new BinaryReader(binary);
  const later: Fill[] = [];
  const tensors = inputs.map((input, index) =>
    readInput(members(input, `inputs[${index}]`), index, signature, reader, json.byteLength, later),
  );
  reader.finish();
  for (const fill of later) await fill();
  return {
    id: id ?? undefined,
    tensors,
    parameters,
    ...readOutputs(outputs, flag(parameters, 'binary_data_output', 'parameters') ?? false),
  };
}

function readInput(input: Members, index: number, signature: Signature, reader: BinaryReader, jsonBytes: number, later: Fill[]): Tensor {
  const spec = inputSpec(signature, nameOf(input, `inputs[${index}]`));
  const field = `inputs.${spec.name}`;
  const parameters = readParameters(input.parameters, `${field}.parameters`);
  refuseUnserved(parameters, field);
  const datatype = checkDatatype(input.datatype, `${field}.datatype`, spec.datatype);
  const shape = checkShape(input.shape, `${field}.shape`);
  const size = parameters.binary_data_size;
  if (size !== undefined) {
    if (input.data !== undefined && input.data !== null) throw invalid(`${field}.data`, 'A tensor has data or binary_data_size, not both');
    const bytes = reader.take(size, `${field}.parameters.binary_data_size`);
    checkFit(spec, datatype, shape);
    return { name: spec.name, datatype, shape, data: dataFromBytes(bytes, datatype, shape, `${field}.data`) };
  }
  if (datatype === 'FP16') throw invalid(`${field}.data`, 'FP16 is not sent as JSON; send it as binary data');
  return tensorFromJson({ shape, datatype, data: input.data }, spec, field, jsonBytes / 2 + 1, later);
}

function readOutputs(value: unknown, byDefault: boolean): OutputQuery {
  if (value !== undefined && value !== null && !Array.isArray(value))
    throw invalid('outputs', 'outputs must be an array of { name, parameters? }');
  const requested = ((value ?? []) as unknown[]).map((item, index) => {
    const output = members(item, `outputs[${index}]`);
    const name = nameOf(output, `outputs[${index}]`);
    return { name, parameters: readParameters(output.parameters, `outputs.${name}.parameters`) };
  });
  return outputQuery(requested, byDefault);
}

function members(value: unknown, field: string): Members {
  if (isObject(value)) return value;
  throw invalid(field, `${field} must be a JSON object`);
}

function nameOf({ name }: Members, field: string): string {
  if (typeof name === 'string') return name;
  throw invalid(`${field}.name`, 'The name is missing');
}
