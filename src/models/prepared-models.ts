// Models that were optimized once and written to disk: loaded in a fraction of the time, their weights mapped and not copied.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { reasonOf } from '../errors.js';
import type { InstancePlan } from '../runtime/instance-group.js';
import { processorFeatures, runtimeVersion } from '../runtime/platform.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { PREPARED } from '../runtime/session-options.js';
import { contentDigest } from './content-digest.js';
import type { ContainedFile } from './folder-contents.js';
import type { MemoryMode } from './memory-mode.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { isIntact, seal } from './seal.js';

/** Raised when what is written changes. */
const FORMAT = 1;
/** Smaller models load in milliseconds and have nothing to share. */
const SMALLEST_BYTES = 4 * 1024 * 1024;

@Injectable()
export class PreparedModels {
  readonly #logger = new Logger(PreparedModels.name);
  /** Folders of `preparedDir` that did not load. */
  readonly #unfit = new Set<string>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly runtime: RuntimeService,
  ) {}

  /**
   * The plan with the prepared model in place of the original, which is prepared first where that has not been done.
   * Where it cannot be, the plan as it was: a full disk costs memory and time, not the service.
   */
  async prepared(plan: InstancePlan, files: readonly ContainedFile[], memory: MemoryMode): Promise<InstancePlan> {
    const { preparedDir, cacheDir } = this.options;
    const key = await this.#key(plan, files, memory);
    if (key === undefined) return plan;
    const from = (folder: string): InstancePlan => ({ ...plan, modelPath: join(folder, PREPARED.graph), prepared: true });
    const shipped = preparedDir && join(resolve(preparedDir), key);
    if (shipped && !this.#unfit.has(shipped) && (await isIntact(shipped))) return from(shipped);
    if (cacheDir === undefined) return plan;
    const folder = join(resolve(cacheDir), 'prepared', key);
    try {
      if (!(await isIntact(folder))) await this.#prepare(plan, folder, memory);
      return from(folder);
    } catch (thrown) {
      this.#logger.warn(`${plan.modelPath} is not prepared, each instance holds weights of its own: ${reasonOf(thrown)}`);
      return plan;
    }
  }

  /** Takes a preparation away that did not load, or no longer looks at it where it is not ours; the next load makes it anew. */
  async discard({ modelPath, prepared }: InstancePlan): Promise<void> {
    if (!prepared) return;
    const { preparedDir } = this.options;
    const folder = dirname(modelPath);
    if (preparedDir && dirname(folder) === resolve(preparedDir)) this.#unfit.add(folder);
    else await remove(folder);
  }

  /** Name of its folder, which says all that it depends on. Undefined for models that are loaded as they are. */
  async #key(plan: InstancePlan, files: readonly ContainedFile[], memory: MemoryMode): Promise<string | undefined> {
    const { preparedDir, cacheDir } = this.options;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if ((!preparedDir && !cacheDir) || plan.provider !== 'cpu' || bytes < SMALLEST_BYTES) return undefined;
    const depends = [FORMAT, await contentDigest(files), runtimeVersion(), processorFeatures(), plan.provider, plan.entries, memory];
    return createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32);
  }

  /** Writes beside the place and renames: whoever looks there sees all of it or nothing, and of two that do it at once the first stays. */
  async #prepare(plan: InstancePlan, folder: string, memory: MemoryMode): Promise<void> {
    const started = performance.now();
    const draft = beside(folder);
    try {
      await mkdir(draft, { recursive: true });
      await this.runtime.prepare(plan, draft, memory === 'shared');
      await seal(draft, Object.values(PREPARED));
      // What another has made meanwhile may be on its way into a session.
      if (!(await isIntact(folder))) await remove(folder);
      await rename(draft, folder).catch(async (thrown: unknown) => {
        if (!(await isIntact(folder))) throw thrown;
      });
    } finally {
      // Where it cannot be removed it could not be made, and that is what is told.
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    }
    this.#logger.log(`${plan.modelPath} prepared as ${folder} in ${((performance.now() - started) / 1000).toFixed(2)} s`);
  }
}

/** Out of the way first: another process may map these files, and goes on doing so. */
async function remove(folder: string): Promise<void> {
  const aside = beside(folder);
  const moved = await rename(folder, aside).then(() => true, () => false); // prettier-ignore
  if (moved) await rm(aside, { recursive: true, force: true });
}

/** A name on the same file system that nobody else has. */
function beside(folder: string): string {
  return `${folder}.${process.pid}.${randomUUID()}`;
}
