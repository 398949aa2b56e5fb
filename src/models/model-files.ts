// What a Hugging Face or Sentence Transformers export tells of itself, read from the files beside the graph.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../errors.js';
import type { ImageRecipe } from '../features/image-recipe.js';
import { POOLINGS, type Pooling } from '../features/pooling.js';
import { recipeOf, type Preprocessor } from './preprocessor.js';
import { readIfThere } from './read-if-there.js';

/** The parts of `config.json`, `preprocessor_config.json` and their like that matter for serving; all may be missing. */
export interface Config {
  readonly id2label?: Record<string, string>;
  readonly model_type?: string;
  readonly max_position_embeddings?: number;
  readonly pad_token_id?: number | null;
  readonly vocab_size?: number;
  readonly type_vocab_size?: number;
}
interface PoolingConfig {
  /** Since Sentence Transformers 5.4; before that a flag for each mode. */
  readonly pooling_mode?: string | readonly string[];
  readonly include_prompt?: boolean;
  readonly [flag: string]: unknown;
}
interface Module {
  /** A class with its package. */
  readonly type?: string;
}
interface SentenceTransformersConfig {
  readonly prompts?: Record<string, unknown> | null;
  readonly default_prompt_name?: string | null;
}
export interface ModelFiles {
  readonly modelPath: string;
  readonly config: Config | undefined;
  readonly tokenizerPath: string | undefined;
  readonly labels: readonly string[] | undefined;
  readonly pooling: Pooling | undefined;
  /** Whether the tokens of a prompt are pooled with the others. */
  readonly includePrompt: boolean | undefined;
  readonly prompts: Readonly<Record<string, unknown>> | undefined;
  readonly defaultPrompt: string | undefined;
  readonly normalize: boolean | undefined;
  /** Modules of Sentence Transformers that only a graph has: neither the model itself, nor what is done here. */
  readonly graphModules: readonly string[] | undefined;
  readonly maxLength: number | undefined;
  readonly image: ImageRecipe | undefined;
  /** Why there is none, though pictures are spoken of. */
  readonly imageFault: string | undefined;
}

/** @throws Error that names the path when there is no graph or a file is not what it should be. */
export async function readModelFiles(folder: string): Promise<ModelFiles> {
  const modelPath = await firstThere([join(folder, 'model.onnx'), join(folder, 'onnx', 'model.onnx')]);
  if (!modelPath) throw new Error(`${folder} holds neither model.onnx nor onnx/model.onnx`);
  const config = await json<Config>(join(folder, 'config.json'));
  const poolingPath = join(folder, '1_Pooling', 'config.json');
  const pooling = await json<PoolingConfig>(poolingPath);
  const transformers = await json<SentenceTransformersConfig>(join(folder, 'config_sentence_transformers.json'));
  const modules = await json<readonly Module[]>(join(folder, 'modules.json'));
  const sentence = await json<{ max_seq_length?: number }>(join(folder, 'sentence_bert_config.json'));
  const tokenizer = await json<{ model_max_length?: number }>(join(folder, 'tokenizer_config.json'));
  const preprocessorPath = join(folder, 'preprocessor_config.json');
  const preprocessor = await json<Preprocessor>(preprocessorPath);
  return {
    modelPath,
    config,
    tokenizerPath: await firstThere([join(folder, 'tokenizer.json')]),
    labels: (await labelLines(join(folder, 'labels.txt'))) ?? labelsOf(config),
    pooling: pooling && poolingOf(pooling, poolingPath),
    includePrompt: pooling?.include_prompt,
    prompts: transformers?.prompts ?? undefined,
    defaultPrompt: transformers?.default_prompt_name ?? undefined,
    normalize: modules?.some((module) => kindOf(module) === 'Normalize'),
    graphModules: modules?.map(kindOf).filter((kind) => !OWN_MODULES.has(kind)),
    maxLength: shortest(sentence?.max_seq_length ?? tokenizer?.model_max_length, positionsOf(config)),
    ...imageOf(preprocessor, preprocessorPath),
  };
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await access(path).then(() => true, () => false)) return path; // prettier-ignore
  }
  return undefined;
}

async function json<T>(path: string): Promise<T | undefined> {
  const content = await readIfThere(path);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content) as T;
  } catch (thrown) {
    throw new Error(`${path} is not JSON: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

async function labelLines(path: string): Promise<string[] | undefined> {
  return (await readIfThere(path))?.trimEnd().split(/\r?\n/);
}

/** A base model's config carries no labels, or the placeholders LABEL_0, LABEL_1 that name nothing but are better than none. */
function labelsOf(config: Config | undefined): string[] | undefined {
  const entries = Object.entries(config?.id2label ?? {});
  if (entries.length === 0) return undefined;
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, label]) => label);
}

/** Models whose positions are counted from the number of the padding token on: the first rows of their table are never used. */
const COUNTS_FROM_PADDING = new Set([
  'camembert',
  'data2vec-text',
  'ibert',
  'layoutlmv3',
  'lilt',
  'longformer',
  'luke',
  'markuplm',
  'mpnet',
  'roberta',
  'roberta-prelayernorm',
  'xlm-roberta',
  'xlm-roberta-xl',
  'xmod',
]);

/** Most tokens that a text model has positions for, of `max_position_embeddings` rows; undefined where it does not say. */
export function positionsOf(config: Config | undefined): number | undefined {
  const { max_position_embeddings: rows, model_type = '', pad_token_id } = config ?? {};
  return rows && COUNTS_FROM_PADDING.has(model_type) ? rows - (pad_token_id ?? 1) - 1 : rows;
}

/** The smallest of what is said; undefined where nothing is. Tokenizers say 10^30 for no limit. */
function shortest(...lengths: readonly (number | null | undefined)[]): number | undefined {
  const said = lengths.filter((length) => typeof length === 'number' && length > 0 && length < Number.MAX_SAFE_INTEGER);
  return said.length > 0 ? Math.min(...(said as number[])) : undefined;
}

/** Modules that every graph is, that are done here, or that do nothing once the model is trained. */
const OWN_MODULES = new Set(['Transformer', 'Pooling', 'Normalize', 'Dropout']);

function kindOf({ type = 'Transformer' }: Module): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** Flags of older exports, by the mode that each turns on. */
const POOLING_FLAGS: Readonly<Record<string, string>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};

/** @throws Error for a mode that is not served, and for several whose vectors would be strung together. */
function poolingOf(config: PoolingConfig, path: string): Pooling {
  const flags = Object.keys(POOLING_FLAGS).filter((flag) => config[flag] === true);
  const modes = config.pooling_mode === undefined ? flags.map((flag) => POOLING_FLAGS[flag] ?? flag) : [config.pooling_mode].flat();
  const [mode = 'mean', ...others] = modes;
  const pooling = POOLINGS.find((known) => known === mode);
  if (pooling && others.length === 0) return pooling;
  throw new Error(`${path}: the pooling ${modes.join(' and ')} is not served; one of ${POOLINGS.join(', ')} is`);
}

/** What cannot be followed is nobody's concern unless pictures are to be taken. */
function imageOf(given: Preprocessor | undefined, path: string): Pick<ModelFiles, 'image' | 'imageFault'> {
  try {
    return { image: given && recipeOf(given), imageFault: undefined };
  } catch (thrown) {
    return { image: undefined, imageFault: `${path}: ${reasonOf(thrown)}` };
  }
}
