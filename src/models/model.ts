// A model version that is served: what it is, and the queue that leads to its instances.
import type { Batcher } from '../batching/batcher.js';
import type { Layout } from '../batching/layout.js';
import type { CachePolicy } from '../cache/options.js';
import type { ImageRecipe } from '../features/image-recipe.js';
import type { Pooling } from '../features/pooling.js';
import type { Prompts } from '../features/prompts.js';
import type { Tokenizer } from '../features/tokenizer.js';
import type { InstanceGroup } from '../runtime/instance-group.js';
import type { Provider } from '../runtime/session-options.js';
import type { ModelMetrics } from '../telemetry/model-metrics.js';
import type { Footprint } from './footprint.js';
import type { InputLimits } from './input-limits.js';
import type { MemoryMode } from './memory-mode.js';
import type { Signature } from './signature.js';
import type { Task } from './task.js';
import type { Usage } from './usage.js';

export interface ModelMemory {
  readonly mode: MemoryMode;
  /** The file that the instances map; undefined where each has weights of its own. */
  readonly weightsPath: string | undefined;
  /** What the budget reckons with. */
  readonly expected: Footprint;
  /** By how much the private memory of the process grew while it was loaded and warmed up, in bytes; others may have had a part in it. */
  grown: number;
  /** Gives its share of the budget back. */
  readonly release: () => void;
}

export interface Model {
  readonly name: string;
  readonly version: string;
  readonly task: Task;
  readonly provider: Provider;
  readonly signature: Signature;
  readonly layout: Layout;
  readonly limits: InputLimits;
  /** Most rows that travel in one item of a request. */
  readonly maxRows: number;
  /** Names of the classes, where the task has classes. */
  readonly labels: readonly string[] | undefined;
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly tokenizer: Tokenizer | undefined;
  readonly image: ImageRecipe | undefined;
  readonly pooling: Pooling;
  readonly normalize: boolean;
  /** Whether more is done with pooled vectors than is done here: then those of the graph alone are the model's. */
  readonly poolsInGraph: boolean;
  readonly prompts: Prompts;
  /** Whether the tokens of a prompt are pooled with the others. */
  readonly includePrompt: boolean;
  /** When it was ready to serve, in seconds since 1970. */
  readonly readyAt: number;
  readonly instances: InstanceGroup;
  readonly batcher: Batcher;
  readonly cache: CachePolicy;
  readonly metrics: ModelMetrics;
  readonly usage: Usage;
  readonly memory: ModelMemory;
}
