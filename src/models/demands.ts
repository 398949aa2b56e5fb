// What model.yaml demands and the files of the model cannot give: said at the load, and not by each request.
import { PICTURE_DATATYPES, type ImageRecipe } from '../features/image-recipe.js';
import { isTokenInput } from '../features/token-tensors.js';
import type { Manifest } from './manifest.js';
import { scoresOutput } from './scores-output.js';
import type { Signature, TensorSpec } from './signature.js';
import type { Task } from './task.js';

/** What a model was found to have, model.yaml included. */
export interface Means {
  readonly signature: Signature;
  readonly hasTokenizer: boolean;
  readonly image: ImageRecipe | undefined;
  /** Why there is none. */
  readonly imageFault?: string | undefined;
  readonly labels: readonly string[] | undefined;
}

/** @throws Error that names every key of model.yaml that does not fit the model, and what would. */
export function checkDemands(manifest: Manifest, means: Means): void {
  const faults = [...inputFaults(manifest, means), ...taskFaults(manifest, means), ...labelFaults(manifest, means)];
  faults.push(...imageFaults(manifest, means), ...batchingFaults(manifest, means));
  if (faults.length > 0) throw new Error(`model.yaml does not fit the model:\n  ${faults.join('\n  ')}`);
}

function inputFaults({ inputs = new Map() }: Manifest, { signature }: Means): string[] {
  return [...inputs].flatMap(([name, { shape, min = -Infinity, max = Infinity }]) => {
    const spec = signature.input(name);
    if (!spec) return [`inputs.${name}: the model has no such input; its inputs are ${namesOf(signature.inputs)}`];
    if (min > max) return [`inputs.${name}.min: ${min} is above max, ${max}: no value would fit`];
    if (!shape || (shape.length === spec.shape.length && shape.every((size, axis) => fits(size, spec.shape[axis])))) return [];
    return [`inputs.${name}.shape: ${shown(shape)} does not fit the graph, which has ${shown(spec.shape)}, where -1 is free`];
  });
}

const NEEDS: Readonly<Record<Task, readonly ('text' | 'textAlone' | 'picture' | 'labels')[]>> = {
  embeddings: ['text', 'textAlone'],
  'text-classification': ['text', 'labels'],
  'image-classification': ['picture', 'labels'],
  classification: ['labels'],
  tensors: [],
};

function taskFaults({ task = 'tensors' }: Manifest, { signature, hasTokenizer, image, imageFault, labels }: Means): string[] {
  const others = signature.inputs.filter(({ name }) => !isTokenInput(name));
  const missing = {
    text: hasTokenizer && signature.input('input_ids') ? undefined : 'tokenizer.json beside the graph and an input input_ids',
    textAlone: others.length === 0 ? undefined : `a graph that takes tokens alone, without ${namesOf(others)}`,
    picture: image ? undefined : `image in model.yaml, ${imageFault ?? 'or preprocessor_config.json beside the graph'}`,
    labels: labels ? undefined : 'labels in model.yaml, or labels.txt beside the graph',
  };
  return NEEDS[task].flatMap((need) => (missing[need] === undefined ? [] : [`task: ${task} needs ${missing[need]}`]));
}

function labelFaults({ labels }: Manifest, { signature }: Means): string[] {
  if (!labels || scoresOutput(signature, labels)) return [];
  const outputs = signature.outputs.map(({ name, datatype, shape }) => `${name} ${datatype} ${shown(shape)}`).join(', ');
  return [`labels: there are ${labels.length}, and no output is FP32 [-1, ${labels.length}]; the outputs are ${outputs}`];
}

function imageFaults({ image }: Manifest, { signature }: Means): string[] {
  if (!image) return [];
  const [input, ...others] = signature.inputs;
  if (!input || others.length > 0) return [`image: pictures are for models of one input; the inputs are ${namesOf(signature.inputs)}`];
  if (!PICTURE_DATATYPES.includes(input.datatype))
    return [`image: pictures become ${PICTURE_DATATYPES.join(' or ')}; ${input.name} takes ${input.datatype}`];
  const { height, width, layout } = image;
  const sizes = layout === 'NCHW' ? [-1, 3, height, width] : [-1, height, width, 3];
  if (input.shape.length === 4 && sizes.every((size, axis) => size === -1 || fits(size, input.shape[axis]))) return [];
  return [
    `image: ${layout} pictures of ${height} x ${width} have the shape ${shown(sizes)}; ${input.name} takes ${shown(input.shape)}, where -1 is free`,
  ];
}

function batchingFaults({ batching = {} }: Manifest, { signature }: Means): string[] {
  const fixed = signature.inputs.filter(({ shape }) => shape[0] !== -1);
  const faults: string[] = [];
  if (batching.enabled && fixed.length > 0) faults.push(`batching.enabled: the first axis is not free in ${namesOf(fixed)}`);
  if (batching.segments && signature.layout(batching.enabled, 0, true).segmentsBy === undefined) {
    faults.push('batching.segments: it takes a model that batches, and an input attention_mask whose second axis is free and named');
  }
  return faults;
}

/** Whether a size is a case of the graph's own. */
const fits = (size: number, own = -1): boolean => own === -1 || size === own;
const shown = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => name).join(', ');
}
