// model.yaml: what cannot be inferred from the files of a model, every key optional.
import { plainToInstance, Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateNested,
  validateSync,
  type ValidationError,
} from 'class-validator';
import { parse } from 'yaml';
import { reasonOf } from '../errors.js';
import { ImageRecipe } from '../features/image-recipe.js';
import { POOLINGS, type Pooling } from '../features/pooling.js';
import { PROVIDERS, type Provider } from '../runtime/session-options.js';
import { InputLimit } from './input-limits.js';
import { readIfThere } from './read-if-there.js';
import { TASKS, type Task } from './task.js';

class RuntimeManifest {
  /** Execution provider; the model is not ready unless this very provider loads. */
  @IsOptional() @IsIn(PROVIDERS) readonly provider?: Provider;
  @IsOptional() @IsInt() @Min(0) readonly deviceId?: number;
  /** Sessions that share the queue; by default one a core on `cpu`, one on a GPU. */
  @IsOptional() @IsInt() @Min(1) @Max(256) readonly instances?: number;
  /** Intra-op threads of each of them. */
  @IsOptional() @IsInt() @Min(1) @Max(256) readonly threads?: number;
  /** One more session on all cores for a request that has the machine to itself. */
  @IsOptional() @IsBoolean() readonly wide?: boolean;
  /** Session entries of ONNX Runtime without their prefix `session.`, nested at the dots. */
  @IsOptional() @IsObject() readonly session?: Record<string, string>;
}

class BatchingManifest {
  /** Whether rows of several requests may share a tensor; by default when the first axis of every tensor is free. */
  @IsOptional() @IsBoolean() readonly enabled?: boolean;
  @IsOptional() @IsInt() @Min(1) readonly maxRows?: number;
  /** Most tokens of a batch, padding included. */
  @IsOptional() @IsInt() @Min(1) readonly maxTokens?: number;
  /** The model takes several sequences a row, numbered 1, 2, ... in `attention_mask`, and puts out one vector each. */
  @IsOptional() @IsBoolean() readonly segments?: boolean;
  /** Longest over shortest sequence of a batch. */
  @IsOptional() @IsNumber() @Min(1) readonly tolerance?: number;
  /** How long a batch that is not full waits for company. */
  @IsOptional() @IsNumber() @Min(0) readonly maxDelayMs?: number;
}

class QueueManifest {
  @IsOptional() @IsInt() @Min(1) readonly maxItems?: number;
  @IsOptional() @IsInt() @Min(1) readonly maxTokens?: number;
}

class CacheManifest {
  /** Whether answers may be kept in this tier, where the process has it. */
  @IsOptional() @IsBoolean() readonly memory?: boolean;
  @IsOptional() @IsBoolean() readonly disk?: boolean;
  @IsOptional() @IsBoolean() readonly redis?: boolean;
  /** Bytes of a share of its own; otherwise the model competes with the others for the whole tier. */
  @IsOptional() @IsInt() @Min(1) readonly memoryBytes?: number;
  @IsOptional() @IsInt() @Min(1) readonly diskBytes?: number;
  /** Seconds after which an answer is forgotten. */
  @IsOptional() @IsNumber() @Min(0.001) readonly ttl?: number;
  /** Whether token ids and decoded pictures are kept in memory too. */
  @IsOptional() @IsBoolean() readonly features?: boolean;
}

export class Manifest {
  @IsOptional() @IsIn(TASKS) readonly task?: Task;
  /** Names of the classes, in the order of the model's scores. */
  @IsOptional() @IsArray() @ArrayMinSize(1) @IsString({ each: true }) readonly labels?: string[];
  /** What makes probabilities of the scores. */
  @IsOptional() @IsIn(['softmax', 'sigmoid', 'none']) readonly activation?: 'softmax' | 'sigmoid' | 'none';
  @IsOptional() @IsIn(POOLINGS) readonly pooling?: Pooling;
  @IsOptional() @IsBoolean() readonly normalize?: boolean;
  /** Prompts by name, on top of those of the export: texts that go in front of the input, or Jinja templates of `text`. */
  @IsOptional() @IsObject() readonly prompts?: Record<string, string>;
  /** Name of the prompt for requests that ask for none. */
  @IsOptional() @IsString() readonly defaultPrompt?: string;
  /** Most tokens of a text; longer ones are cut. */
  @IsOptional() @IsInt() @Min(1) readonly maxLength?: number;
  /** What the graph does not say of its inputs, by name; the warm-up keeps to it too. */
  @IsOptional() @ValidateNested({ each: true }) @Type(() => InputLimit) readonly inputs?: Map<string, InputLimit>;
  @IsOptional() @ValidateNested() @Type(() => ImageRecipe) readonly image?: ImageRecipe;
  @IsOptional() @ValidateNested() @Type(() => RuntimeManifest) readonly runtime?: RuntimeManifest;
  @IsOptional() @ValidateNested() @Type(() => BatchingManifest) readonly batching?: BatchingManifest;
  @IsOptional() @ValidateNested() @Type(() => QueueManifest) readonly queue?: QueueManifest;
  /** False for a model that draws lots: its answers are never remembered, nor shared between equal requests. */
  @IsOptional() @IsBoolean() readonly deterministic?: boolean;
  @IsOptional() @ValidateNested() @Type(() => CacheManifest) readonly cache?: CacheManifest;
}

function faultsOf(errors: readonly ValidationError[], parent = ''): string[] {
  return errors.flatMap((error) => {
    const path = parent ? `${parent}.${error.property}` : error.property;
    return [...Object.values(error.constraints ?? {}).map((text) => `${path}: ${text}`), ...faultsOf(error.children ?? [], path)];
  });
}

/**
 * Reads a manifest; a file that is not there is an empty one.
 * @throws Error that names the file and every key that is wrong.
 */
export async function readManifest(path: string): Promise<Manifest> {
  const text = (await readIfThere(path)) ?? '';
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (thrown) {
    throw new Error(`${path} is not YAML: ${reasonOf(thrown)}`, { cause: thrown });
  }
  if (typeof content !== 'object' || Array.isArray(content)) throw new Error(`${path} must hold keys and values`);
  const manifest = plainToInstance(Manifest, content);
  const faults = faultsOf(validateSync(manifest, { whitelist: true, forbidNonWhitelisted: true }));
  if (faults.length > 0) throw new Error(`${path} is not valid:\n  ${faults.join('\n  ')}`);
  return manifest;
}
