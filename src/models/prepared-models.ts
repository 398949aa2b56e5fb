// Models that were optimized once and written to disk: loaded in a fraction of the time, their weights mapped and not copied.
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import type { InstancePlan } from '../runtime/instance-group.js';
import { processorFeatures, runtimeVersion } from '../runtime/platform.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { PREPARED } from '../runtime/session-options.js';
import { contentOf, type Content } from './content-digest.js';
import { fingerprint, type ContainedFile } from './folder-contents.js';
import type { MemoryMode } from './memory-mode.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { PreparationStore } from './preparation-store.js';
import { isIntact } from './seal.js';

/** Raised when what is written changes. */
const FORMAT = 2;
/** Smaller models load in milliseconds and have nothing to share. */
const SMALLEST_BYTES = 4 * 1024 * 1024;
/** Older than this, a date of change tells a file from what it will be when it is written again. */
const SETTLED_MS = 3000;

/** Takes the memory that a preparation needs, until the returned function is called. */
export type Reserve = () => Promise<() => void>;

/** Of a process that serves nothing. */
const UNLIMITED: Reserve = () => Promise.resolve(() => undefined);

@Injectable()
export class PreparedModels {
  readonly #logger = new Logger(PreparedModels.name);
  /** Of an image: read only. */
  readonly #shipped: PreparationStore | undefined;
  readonly #own: PreparationStore | undefined;
  /** Names of shipped ones that did not load. */
  readonly #failed = new Set<string>();

  constructor(
    @Inject(MODEL_OPTIONS) { preparedDir, cacheDir }: ModelOptions,
    private readonly runtime: RuntimeService,
  ) {
    this.#shipped = preparedDir ? new PreparationStore(preparedDir) : undefined;
    this.#own = cacheDir ? new PreparationStore(join(cacheDir, 'prepared')) : undefined;
  }

  /**
   * What the files of a model hold. Those of large ones are read once, and again when one of them was touched: 36 ms of the event loop for the
   * 45 MB of `all-minilm-l6-v2`.
   */
  async contentOf(files: readonly ContainedFile[]): Promise<Content> {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    // The files of an image are new in every container.
    if (!this.#own || this.#shipped || bytes < SMALLEST_BYTES || !files.every(isSettled)) return contentOf(files);
    const print = fingerprint(files, files.map(({ changed }) => changed).join()).slice(0, 32);
    const noted = await this.#own.digest(print).catch(() => undefined);
    if (noted !== undefined) return { bytes, digest: noted };
    const content = await contentOf(files);
    // Where it cannot be written they are read again.
    await this.#own.note(print, content.digest).catch(() => undefined);
    return content;
  }

  /**
   * The plan with the prepared model in place of the original, which is prepared first where that has not been done.
   * Where it cannot be, the plan as it was: a full disk costs memory and time, not the service.
   * @throws NestorError MEMORY_BUDGET_EXCEEDED where what that takes cannot be reserved; here and below.
   */
  prepared(plan: InstancePlan, content: Content, memory: MemoryMode, reserve = UNLIMITED): Promise<InstancePlan> {
    return this.#prepared(plan, content, memory, reserve, []);
  }

  /** The same, for whoever asks `isIntact` before it serves: weights that were damaged and are as long as before are not noticed. */
  atFirstSight(plan: InstancePlan, content: Content, memory: MemoryMode, reserve: Reserve): Promise<InstancePlan> {
    return this.#prepared(plan, content, memory, reserve, [PREPARED.weights]);
  }

  /** Whether the files of a plan hold what was written when it was prepared; true where it is not. */
  async isIntact({ modelPath, prepared }: InstancePlan): Promise<boolean> {
    return !prepared || isIntact(dirname(modelPath));
  }

  async #prepared(
    plan: InstancePlan,
    content: Content,
    memory: MemoryMode,
    reserve: Reserve,
    unread: readonly string[],
  ): Promise<InstancePlan> {
    const [shipped, own] = [this.#shipped, this.#own];
    if ((!shipped && !own) || plan.provider !== 'cpu' || content.bytes < SMALLEST_BYTES) return plan;
    const key = keyOf(plan, content, memory);
    try {
      const unfit = (await shipped?.unfit(key)) ?? (await own?.unfit(key));
      if (unfit !== undefined) {
        this.#logger.log(`${plan.modelPath} is not prepared, its preparation did not load: ${unfit}`);
        return plan;
      }
      if (shipped && !this.#failed.has(key) && (await shipped.has(key, unread))) return preparedAt(plan, shipped.folder(key));
      if (!own) return plan;
      if (await own.has(key, unread)) await own.keep([key]);
      else {
        const release = await reserve();
        await this.#prepare(plan, own, key, memory).finally(release);
      }
      return preparedAt(plan, own.folder(key));
    } catch (thrown) {
      if (thrown instanceof NestorError && thrown.code === 'MEMORY_BUDGET_EXCEEDED') throw thrown;
      this.#logger.warn(`${plan.modelPath} is not prepared, each instance holds weights of its own: ${reasonOf(thrown)}`);
      return plan;
    }
  }

  /** Takes a preparation away that did not load, or no longer looks at it where it is not ours; the next load makes it anew. */
  async discard({ modelPath, prepared }: InstancePlan): Promise<void> {
    if (!prepared) return;
    const key = basename(dirname(modelPath));
    if (this.#shipped?.folder(key) === dirname(modelPath)) this.#failed.add(key);
    else await this.#own?.remove(key);
  }

  /**
   * Says that these are in use, and removes what neither this process nor another has used for a week.
   * @param modelPaths graphs that serve; those that are not prepared, or shipped, are passed over.
   */
  async upkeep(modelPaths: readonly string[]): Promise<void> {
    const folders = modelPaths.map((path) => dirname(path));
    await this.#own?.keep(folders.filter((folder) => this.#own?.folder(basename(folder)) === folder).map((folder) => basename(folder)));
    await this.#own?.prune();
  }

  async #prepare(plan: InstancePlan, store: PreparationStore, key: string, memory: MemoryMode): Promise<void> {
    const started = performance.now();
    await store.prune();
    await store.write(key, Object.values(PREPARED), async (draft) => {
      await this.runtime.prepare(plan, draft, memory === 'shared');
      // ONNX Runtime does not read everything that it writes; tried here, that costs one start and not every one.
      await this.runtime.probe(preparedAt(plan, draft)).catch(async (thrown: unknown) => {
        // That the process was told to end meanwhile says nothing of the model.
        if (!this.runtime.closed) await store.condemn(key, reasonOf(thrown));
        throw thrown;
      });
    });
    this.#logger.log(`${plan.modelPath} prepared as ${store.folder(key)} in ${((performance.now() - started) / 1000).toFixed(2)} s`);
  }
}

/**
 * Whether a file that is written after now has another date of change than this one. Not where it was written just now, since file systems
 * count in steps of up to 2 s, and not where the date is in whole seconds: such dates are made up when an image is packed, the same in each.
 */
function isSettled({ changed }: ContainedFile): boolean {
  return changed % 1000 !== 0 && Date.now() - changed > SETTLED_MS;
}

/** Name of its folder, which says all that it depends on. */
function keyOf({ provider, entries }: InstancePlan, { digest }: Content, memory: MemoryMode): string {
  const depends = [FORMAT, digest, runtimeVersion(), processorFeatures(), provider, entries, memory];
  return createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32);
}

function preparedAt(plan: InstancePlan, folder: string): InstancePlan {
  return { ...plan, modelPath: join(folder, PREPARED.graph), prepared: true };
}
