// The first run of a model: readiness is proven by inference, not by a loaded file.
import type { Item } from '../batching/item.js';
import { merge } from '../batching/layout.js';
import { NestorError, reasonOf } from '../errors.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import { allocate, elementCount, fill, type Tensor } from '../tensor.js';
import type { InputLimit } from './input-limits.js';
import type { Model } from './model.js';
import type { TensorSpec } from './signature.js';

const SAMPLE_IDS = [1, 2, 1, 2, 1, 2, 0];
const LONGER_IDS = [0, 2, 1, 2, 1, 2, 1, 0];
const OTHER_IDS = SAMPLE_IDS.map((id) => 2 - id);

/** Largest difference that the order of sums alone makes, relative to one; int8 models scaled by the batch differ by far more. */
const SAME = 1e-3;

/** Halves have eleven bits: what rounding makes of them grows with the numbers. */
const HALVES = 4;

export interface Findings {
  /** What somebody should know who can mend it: free axes that had to be guessed wrongly, answers that depend on batch mates. */
  readonly remark?: string;
  /** Whether the same input gets the same answer, whatever it travels with: then it may be remembered. */
  readonly repeatable: boolean;
}

/**
 * Runs samples through every part of the path, alone and among others, and on devices batches that are full.
 * @throws Error when an input that must work does not.
 */
export async function warmUp(model: Model): Promise<Findings> {
  const findings = await compare(model);
  if (model.provider === 'cpu') return findings;
  const reason = await runFullBatches(model);
  if (reason === undefined) return findings;
  const remark = `its longest texts, of ${longestOf(model)} tokens, cannot run (${reason}); lower maxLength in model.yaml`;
  return { ...findings, remark: [findings.remark, remark].filter(Boolean).join('; ') };
}

/** Tokens of the longest text that others may travel with; 0 where none are known. */
function longestOf({ tokenizer, batcher }: Model): number {
  return Math.min(batcher.policy.maxTokens, tokenizer?.maxLength ?? 0);
}

/**
 * A batch of as many of the longest texts as there may be, for every instance at once: the first one has ONNX Runtime's arena grow and cuDNN
 * look for algorithms, which nobody who is served should wait for, and what sessions keep is part of what the load is said to have taken. Not
 * measured on a device. On two cores the load of all-minilm-l6-v2 from its preparation took 0.84 of one without where such batches ran, 0.65
 * with one such text, 0.50 with none.
 * @returns why such texts cannot run, alone either.
 */
async function runFullBatches(model: Model): Promise<string | undefined> {
  const { signature, layout, batcher, instances } = model;
  if (!layout.batches || layout.paddedInputs.size === 0 || !signature.inputs.every(({ name }) => isTokenInput(name))) return undefined;
  const length = longestOf(model);
  if (length === 0) return undefined;
  const text: Item = { inputs: tokenTensors(new Array<number>(length).fill(1), signature.inputs), rows: 1, length, kind: 'warm-up' };
  const run = async (rows: number, count: number): Promise<void> => {
    // Whole batches: of single texts each instance would take its share of what the others have left.
    const full: Item = { ...text, inputs: merge(new Array<Item>(rows).fill(text), layout).inputs, rows };
    const outputs = signature.outputs.map(({ name }) => name);
    await batcher.submit(new Array<Item>(count).fill(full), { outputs, unlimited: true });
  };
  const { maxRows, maxTokens } = batcher.policy;
  // One alone would be the wide instance's, where there is one.
  const count = Math.max(instances.sharing, Math.min(2, instances.alive.wanted));
  try {
    await run(Math.min(maxRows, Math.floor(maxTokens / length)), count).catch(() => run(1, 1));
    return undefined;
  } catch (thrown) {
    return reasonOf(thrown instanceof NestorError ? (thrown.cause ?? thrown) : thrown);
  }
}

async function compare(model: Model): Promise<Findings> {
  const outputs = model.signature.outputs.map(({ name }) => name);
  const guessed = model.signature.inputs.some((spec) => isGuessed(spec, model));
  // Where sequences of two lengths travel together the shorter is compared: it is the one that gets padded.
  const others = model.layout.paddedInputs.size > 0 ? LONGER_IDS : OTHER_IDS;
  const [item, mate] = [sampleItem(model, SAMPLE_IDS, 0), sampleItem(model, others, 1)];
  try {
    const alone = await model.batcher.submit([item], { outputs, unlimited: true });
    if (!model.layout.batches) return { repeatable: true };
    const together = await model.batcher.submit([mate, item, mate], { outputs, unlimited: true });
    const difference = largestDifference(alone.outputs[0] ?? [], together.outputs[1] ?? []);
    if (difference <= SAME) return { repeatable: true };
    const fault = `its answers depend on what else is in the batch (by ${difference.toPrecision(2)})`;
    if (model.layout.segmentsBy !== undefined) throw new Error(`batching.segments does not hold: ${fault}`);
    return {
      remark: `${fault}, so that they are not cached; set batching.enabled to false in model.yaml to have them exact`,
      repeatable: false,
    };
  } catch (thrown) {
    const reason = reasonOf(thrown instanceof NestorError ? (thrown.cause ?? thrown) : thrown);
    if (guessed) {
      const remark = `it was not warmed up: its free axes had to be guessed (${reason}); give its shapes as \`inputs\` in model.yaml`;
      return { remark, repeatable: true };
    }
    throw new Error(`the warm-up failed: ${reason}`, { cause: thrown });
  }
}

function sampleItem(model: Model, ids: readonly number[], value: number): Item {
  const inputs = model.signature.inputs.map((spec) => sample(spec, model, ids, value));
  const lengths = inputs.filter(({ name }) => model.layout.paddedInputs.has(name)).map(({ shape }) => shape[1] ?? 1);
  return { inputs, rows: 1, length: Math.max(1, ...lengths), kind: 'warm-up' };
}

function largestDifference(these: readonly Tensor[], those: readonly Tensor[]): number {
  let largest = 0;
  for (const [index, { data }] of these.entries()) {
    const other = those[index]?.data ?? [];
    // Labels and flags of a sample that sits on the edge between two classes may flip; scores tell.
    if (!isFloat(data)) continue;
    const halves = data instanceof Float16Array;
    for (let i = 0; i < data.length; i++) {
      const value = data[i] ?? 0;
      // Infinities are equal, though their difference is not a number.
      if (Object.is(value, other[i])) continue;
      largest = Math.max(largest, Math.abs(value - Number(other[i])) / (halves ? Math.max(1, HALVES * Math.abs(value)) : 1));
    }
  }
  return largest;
}

function isFloat(data: Tensor['data']): data is Float16Array | Float32Array | Float64Array {
  return data instanceof Float16Array || data instanceof Float32Array || data instanceof Float64Array;
}

function sample(spec: TensorSpec, model: Model, ids: readonly number[], value: number): Tensor {
  const limit: InputLimit = model.limits.get(spec.name) ?? {};
  if (takesTokens(spec, model)) return tokenTensors(tokensWithin(limit, ids), [spec])[0] ?? fail(spec);
  const sizes = (limit.shape ?? imageShape(spec, model) ?? spec.shape).map((size) => (size === -1 ? 1 : size));
  const data = allocate(spec.datatype, elementCount(sizes));
  fill(data, limit.values?.[0] ?? Math.min(Math.max(value, limit.min ?? value), limit.max ?? value));
  return { name: spec.name, datatype: spec.datatype, shape: sizes, data };
}

/** Also where somebody else tokenizes: a mask of zeros, which no text has, would have every place of the padding looked at. */
function takesTokens({ name, datatype }: TensorSpec, { tokenizer, layout }: Model): boolean {
  if (!isTokenInput(name)) return false;
  return tokenizer !== undefined || (layout.paddedInputs.has(name) && (datatype === 'INT64' || datatype === 'INT32'));
}

/** As long as they have to be, and no others than there may be. */
function tokensWithin({ shape = [], values, min = -Infinity, max = Infinity }: InputLimit, ids: readonly number[]): number[] {
  const [, length = -1] = shape;
  return Array.from({ length: length === -1 ? ids.length : length }, (_, place) => {
    const id = Math.min(Math.max(ids[place % ids.length] ?? 0, min), max);
    return values?.includes(id) === false ? (values[0] ?? id) : id;
  });
}

function imageShape(spec: TensorSpec, { image }: Model): number[] | undefined {
  if (!image || spec.shape.length !== 4) return undefined;
  return image.layout === 'NCHW' ? [1, 3, image.height, image.width] : [1, image.height, image.width, 3];
}

function isGuessed(spec: TensorSpec, model: Model): boolean {
  const shape = model.limits.get(spec.name)?.shape ?? imageShape(spec, model) ?? spec.shape;
  if (model.tokenizer && isTokenInput(spec.name)) return false;
  return shape.slice(model.layout.batches ? 1 : 0).includes(-1);
}

function fail(spec: TensorSpec): never {
  throw new Error(`no sample for ${spec.name}; this is a bug`);
}
