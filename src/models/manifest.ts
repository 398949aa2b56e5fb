// model.yaml: what cannot be inferred from the files of a model, every key optional.
import { stat } from 'node:fs/promises';
import { applyDecorators } from '@nestjs/common';
import { Transform, Type } from 'class-transformer';
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
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { readYaml } from '../config/yaml-file.js';
import { ImageRecipe } from '../features/image-recipe.js';
import { POOLINGS, type Pooling } from '../features/pooling.js';
import { PROVIDERS, type Provider, type SessionEntries } from '../runtime/session-options.js';
import { MEMORY_MODES, type MemoryMode } from './memory-mode.js';
import { InputLimit } from './input-limits.js';
import { readIfThere } from './read-if-there.js';
import { withinRepository } from './repository.js';
import { TASKS, type Task } from './task.js';
import { isVersion, isVersionLabel, type VersionPolicy } from './versions.js';

/** A rule of its own, in words; it sees the other keys beside a value too. */
const Holds = (holds: (value: unknown, beside?: object) => boolean, rule: string): PropertyDecorator =>
  ValidateBy({ name: 'holds', validator: { validate: (value, told) => holds(value, told?.object), defaultMessage: () => rule } });

/** Keys below a key; a list of them would be nobody's. */
const Section = (type: () => new () => object): PropertyDecorator => applyDecorators(IsObject(), ValidateNested(), Type(type));

/** YAML takes 1 for a number; versions are texts. */
const text = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value);
const isMap = (value: unknown): value is ReadonlyMap<string, unknown> => value instanceof Map;

/** YAML's mapping as a Map with these values; anything else stays what it is, and fails its rule. */
const AsMap = (valueOf: (value: unknown) => unknown): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value).map(([key, one]) => [key, valueOf(one)]))
      : value,
  );

function isPolicy(value: unknown): boolean {
  if (value === 'all') return true;
  if (Array.isArray(value)) return value.length > 0 && value.every((version) => typeof version === 'string' && isVersion(version));
  if (typeof value !== 'object' || value === null) return false;
  const { latest, ...others } = value as { latest?: unknown };
  return Number.isInteger(latest) && Number(latest) > 0 && Object.keys(others).length === 0;
}

const isLabels = (value: unknown): boolean =>
  isMap(value) && [...value].every(([label, version]) => isVersionLabel(label) && typeof version === 'string' && isVersion(version));

const isTraffic = (value: unknown): boolean =>
  isMap(value) &&
  [...value].every(
    ([key, share]) => (isVersion(key) || isVersionLabel(key)) && typeof share === 'number' && share >= 0 && share < Infinity,
  );

function isEntries(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one: unknown) => ['string', 'number', 'boolean'].includes(typeof one) || isEntries(one));
}

/** ONNX Runtime passes over a name that it does not know. */
const isSession = (value: unknown): boolean =>
  isEntries(value) && Object.keys(value as object).every((name) => !/^session(\.|$)/.test(name));

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
  @IsOptional()
  @Holds(
    isSession,
    'session must give a text, a number, true or false for each entry, nested at the dots, its name without the prefix session.',
  )
  readonly session?: SessionEntries;
  /** Whether sessions share one mapped copy of the weights, or each lays them out anew in memory of its own. */
  @IsOptional() @IsIn(MEMORY_MODES) readonly memory?: MemoryMode;
}

class LoadingManifest {
  /** Loaded with the first request for it and not at the start; it may have to make room for others. */
  @IsOptional() @IsBoolean() readonly onDemand?: boolean;
  /** Seconds without a request after which it is unloaded until the next one. */
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Holds((_, beside: LoadingManifest = {}) => beside.onDemand === true, 'idleSeconds takes onDemand: true, by which the model comes again')
  readonly idleSeconds?: number;
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
  @IsOptional() @IsNumber() @Min(0) @Max(3_600_000) readonly maxDelayMs?: number;
}

class QueueManifest {
  @IsOptional() @IsInt() @Min(1) readonly maxItems?: number;
  @IsOptional() @IsInt() @Min(1) readonly maxTokens?: number;
  /** How long a request may wait for its turn. */
  @IsOptional() @IsNumber() @Min(1) @Max(3_600_000) readonly timeoutMs?: number;
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
  /** Which versions are served; the newest alone by default. */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(text) : value))
  @Holds(isPolicy, "versions must be 'all', { latest: <number> } or a list of versions")
  readonly versions?: VersionPolicy;
  /** Names of versions, for routes and for the traffic: `stable`, `canary`. */
  @IsOptional()
  @AsMap(text)
  @Holds(isLabels, 'versionLabels must give a version for each label; a label has lower-case letters, digits, _ and -, a letter first')
  readonly versionLabels?: ReadonlyMap<string, string>;
  /** Shares of the requests that name no version, by version or label. */
  @IsOptional()
  @AsMap((share) => share)
  @Holds(isTraffic, 'traffic must give a share, a number from 0 on, for versions or labels')
  readonly traffic?: ReadonlyMap<string, number>;
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
  @IsOptional() @Section(() => ImageRecipe) readonly image?: ImageRecipe;
  @IsOptional() @Section(() => RuntimeManifest) readonly runtime?: RuntimeManifest;
  @IsOptional() @Section(() => BatchingManifest) readonly batching?: BatchingManifest;
  @IsOptional() @Section(() => LoadingManifest) readonly loading?: LoadingManifest;
  @IsOptional() @Section(() => QueueManifest) readonly queue?: QueueManifest;
  /** False for a model that draws lots: its answers are never remembered, nor shared between equal requests. */
  @IsOptional() @IsBoolean() readonly deterministic?: boolean;
  @IsOptional() @Section(() => CacheManifest) readonly cache?: CacheManifest;
}

/** Keys that say when it is loaded and who gets a request: a change of these loads nothing anew. */
const ROUTING_KEYS = new Set(['versions', 'versionLabels', 'traffic', 'loading']);

/** The keys that a loaded version depends on, as a text that is the same where they are. */
export function loadingKeys(manifest: Manifest): string {
  const keys = Object.entries(manifest).filter(([key]) => !ROUTING_KEYS.has(key));
  return JSON.stringify(Object.fromEntries(keys), (_, value: unknown) => (isMap(value) ? [...value] : value));
}

/**
 * Reads a manifest; a file that is not there is an empty one.
 * @throws Error that names the file and every key that is wrong; for a link that leads out of the repository, and for what is no file.
 */
export async function readManifest(repository: string, path: string): Promise<Manifest> {
  const entry = await stat(path).catch(() => undefined);
  if (entry) {
    // What is wrong with a file is told with its lines, which may be those of any file.
    await withinRepository(repository, path);
    // To open a pipe waits for whoever writes to it, for ever perhaps.
    if (!entry.isFile()) throw new Error(`${path} is no file`);
  }
  return readYaml(Manifest, path, (await readIfThere(path)) ?? '');
}
