// The first run of a model: readiness is proven by inference, not by a loaded file.
import { invalid, NestorError, reasonOf } from '../errors.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import { allocate, elementCount, fill, type Tensor } from '../tensor.js';
import type { Manifest, WarmupTensor } from './manifest.js';
import type { Model } from './model.js';
import type { TensorSpec } from './signature.js';

const SAMPLE_IDS = [0, 1, 2, 1, 2, 1, 2, 0];

/**
 * Runs zeros through every part of the path.
 * @returns why the model could not be warmed, where that is no fault: its free axes had to be guessed and the guess did not fit.
 * @throws Error when an input that must work does not.
 */
export async function warmUp(model: Model, manifest: Manifest): Promise<string | undefined> {
  const inputs = model.signature.inputs.map((spec) => sample(spec, model, manifest.warmup?.[spec.name]));
  const outputs = model.signature.outputs.map(({ name }) => name);
  const guessed = model.signature.inputs.some((spec) => isGuessed(spec, model, manifest));
  const length = model.layout.paddedInputs.size > 0 ? SAMPLE_IDS.length : 1;
  const item = { inputs, rows: 1, length, kind: 'warm-up' };
  try {
    await model.batcher.submit([item], { outputs });
    if (model.layout.batches) await model.batcher.submit([item, item, item], { outputs });
  } catch (thrown) {
    const reason = reasonOf(thrown instanceof NestorError ? (thrown.cause ?? thrown) : thrown);
    if (guessed) return reason;
    throw new Error(`the warm-up failed: ${reason}`, { cause: thrown });
  }
  return undefined;
}

function sample(spec: TensorSpec, model: Model, given: WarmupTensor | undefined): Tensor {
  if (!given && model.tokenizer && isTokenInput(spec.name)) return tokenTensors(SAMPLE_IDS, [spec])[0] ?? fail(spec);
  const sizes = given?.shape ?? imageShape(spec, model) ?? spec.shape.map((size) => (size === -1 ? 1 : size));
  if (sizes.length !== spec.shape.length) throw invalid(`warmup.${spec.name}`, `warmup.${spec.name} must have ${spec.shape.length} axes`);
  const data = allocate(spec.datatype, elementCount(sizes));
  if (given?.value !== undefined) fill(data, given.value);
  return { name: spec.name, datatype: spec.datatype, shape: sizes, data };
}

function imageShape(spec: TensorSpec, { image }: Model): number[] | undefined {
  if (!image || spec.shape.length !== 4) return undefined;
  return image.layout === 'NCHW' ? [1, 3, image.height, image.width] : [1, image.height, image.width, 3];
}

function isGuessed(spec: TensorSpec, model: Model, manifest: Manifest): boolean {
  if (manifest.warmup?.[spec.name] || (model.tokenizer && isTokenInput(spec.name)) || imageShape(spec, model)) return false;
  return spec.shape.slice(model.layout.batches ? 1 : 0).includes(-1);
}

function fail(spec: TensorSpec): never {
  throw new Error(`no sample for ${spec.name}; this is a bug`);
}
