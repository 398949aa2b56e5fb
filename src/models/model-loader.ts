// A folder of the repository -> a model that serves: files read, instances started, warmed up.
import { stat } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Batcher } from '../batching/batcher.js';
import { BatchingService } from '../batching/batching.service.js';
import { NestorError, reasonOf } from '../errors.js';
import { Tokenizer } from '../features/tokenizer.js';
import type { InstancePlan } from '../runtime/instance-group.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { weightsOf } from '../runtime/session-options.js';
import { Metrics } from '../telemetry/metrics.js';
import { anonymousMemory } from '../telemetry/process-memory.js';
import { ModelMetrics } from '../telemetry/model-metrics.js';
import { cachePolicy } from './cache-policy.js';
import { contentScope, type Content } from './content-digest.js';
import { checkDemands } from './demands.js';
import type { ContainedFile } from './folder-contents.js';
import { bytesOfGraph, footprintOf } from './footprint.js';
import { inputLimits } from './input-limits.js';
import { loadingKeys, type Manifest } from './manifest.js';
import { readModelFiles, type ModelFiles } from './model-files.js';
import { MemoryBudget, type MakeRoom } from './memory-budget.js';
import type { MemoryMode } from './memory-mode.js';
import type { Model, ModelMemory } from './model.js';
import { batchingPolicy, instancePlan } from './plans.js';
import { poolingPlan } from './pooling-plan.js';
import { PreparedModels } from './prepared-models.js';
import { promptPlan } from './prompt-plan.js';
import type { VersionFolder } from './repository.js';
import { scoresOutput } from './scores-output.js';
import { Signature } from './signature.js';
import { taskOf } from './task.js';
import { Usage } from './usage.js';
import { warmUp } from './warm-up.js';

const DAMAGED = 'its weights are damaged';

/** How a version was given, and how it runs: the same where it is not prepared. `anew` prepares it once more. */
interface Plans {
  readonly original: InstancePlan;
  readonly prepared: InstancePlan;
  readonly anew: () => Promise<InstancePlan>;
}

/** What a model is made of, whichever of its plans runs. */
interface Source {
  readonly folder: VersionFolder;
  readonly manifest: Manifest;
  readonly files: ModelFiles;
  readonly content: Content;
  /** Of the graph and its weights: beside them may lie other forms of the model, which nobody loads. */
  readonly graphBytes: number;
  readonly makeRoom: MakeRoom;
}

/** What it is made of beside its instances. */
interface Parts extends Source {
  readonly memory: ModelMemory;
}

type Running = Pick<Model, 'provider' | 'signature' | 'layout' | 'maxRows' | 'tokenizer' | 'instances' | 'batcher' | 'metrics'>;

@Injectable()
export class ModelLoader {
  readonly #logger = new Logger(ModelLoader.name);

  constructor(
    private readonly runtime: RuntimeService,
    private readonly batching: BatchingService,
    private readonly metrics: Metrics,
    private readonly preparedModels: PreparedModels,
    private readonly budget: MemoryBudget,
  ) {}

  /** @throws Error with the path and the reason when the model cannot serve. */
  async load(folder: VersionFolder, manifest: Manifest, contents: readonly ContainedFile[], makeRoom: MakeRoom): Promise<Model> {
    const started = performance.now();
    try {
      const model = await this.#load(folder, manifest, contents, makeRoom);
      const seconds = (performance.now() - started) / 1000;
      const { name, version, task, provider } = model;
      model.metrics.loaded(seconds);
      const alone = model.layout.batches ? '' : ', each request by itself';
      this.#logger.log(`${name}/${version} serves ${task} on ${provider}${alone}, ready after ${seconds.toFixed(2)} s`);
      return model;
    } catch (thrown) {
      if (thrown instanceof NestorError && thrown.code === 'MEMORY_BUDGET_EXCEEDED') throw thrown;
      throw new Error(`${folder.path}: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }

  /** Waits until nobody uses the model, its queue is empty and its batches are done, then ends its threads: its memory is given back. */
  async end({ usage, batcher, instances, memory, metrics }: Model): Promise<void> {
    await usage.released();
    await batcher.drained();
    this.batching.close(batcher);
    await this.runtime.end(instances);
    memory.release();
    metrics.close();
  }

  /** How a version runs: from its prepared files, which are made now where they are missing, or as it is where they cannot be made. */
  async plan(files: ModelFiles, manifest: Manifest, content: Content): Promise<InstancePlan> {
    return this.preparedModels.prepared(await this.#original(files, manifest), content, modeOf(manifest));
  }

  async #original({ modelPath }: ModelFiles, manifest: Manifest): Promise<InstancePlan> {
    return instancePlan(manifest, modelPath, (await stat(modelPath)).size, this.runtime.cores.total);
  }

  /** Takes the share of the budget that a plan is expected to need. */
  async #reserve(plan: InstancePlan, { folder: { name, version }, manifest, graphBytes, makeRoom }: Source): Promise<ModelMemory> {
    const mode = modeOf(manifest);
    const weightsPath = plan.prepared ? weightsOf(plan.modelPath) : undefined;
    // A graph of small weights alone, beside large files of another kind, is prepared without a file for them.
    const weightBytes = weightsPath === undefined ? graphBytes : await stat(weightsPath).then(({ size }) => size, () => 0); // prettier-ignore
    const expected = footprintOf(plan, weightBytes, mode);
    return { mode, weightsPath, expected, grown: 0, release: await this.budget.reserve(`${name}/${version}`, expected, makeRoom) };
  }

  async #load(folder: VersionFolder, manifest: Manifest, contents: readonly ContainedFile[], makeRoom: MakeRoom): Promise<Model> {
    const [files, content] = await Promise.all([readModelFiles(folder.path), this.preparedModels.contentOf(contents)]);
    const mode = modeOf(manifest);
    const original = await this.#original(files, manifest);
    const graphBytes = bytesOfGraph(contents, files.modelPath);
    // Its weights are in this process while it is prepared, as those of an instance that is not.
    const preparing = footprintOf({ ...original, count: 1, wide: false }, graphBytes, mode);
    const reserve = () => this.budget.reserve(`${folder.name}/${folder.version}`, preparing, makeRoom);
    const plans: Plans = {
      original,
      prepared: await this.preparedModels.atFirstSight(original, content, mode, reserve),
      anew: () => this.preparedModels.prepared(original, content, mode, reserve),
    };
    return this.#run(plans, { folder, manifest, files, content, graphBytes, makeRoom });
  }

  /** Within the budget: what is prepared takes another share of it than the original. */
  async #run(plans: Plans, source: Source): Promise<Model> {
    const memory = await this.#reserve(plans.prepared, source);
    try {
      return await this.#start(plans, { ...source, memory });
    } catch (thrown) {
      memory.release();
      throw thrown;
    }
  }

  /**
   * Starts and warms up the instances, and looks meanwhile whether the weights that they map are what was prepared: nobody is served before
   * both are done. Damaged ones are prepared anew; where they are whole and do not load, the original is, and the next load prepares it.
   */
  async #start(plans: Plans, parts: Parts): Promise<Model> {
    const { original, prepared, anew } = plans;
    const { name, version } = parts.folder;
    const before = await anonymousMemory();
    const metrics = new ModelMetrics(this.metrics, name, version);
    let batcher: Batcher | undefined;
    const instances = this.runtime.group(prepared, {
      onFree: () => batcher?.pump(),
      onLost: (reason) => {
        metrics.workerLost();
        this.#logger.warn(`${name}/${version}: ${reason}; it is started again`);
      },
    });
    const starting = instances.start();
    // On this thread, while others create the sessions.
    const checking = this.preparedModels.isIntact(prepared);
    try {
      const [metadata, tokenizer] = await Promise.all([starting, this.#tokenizer(parts)]);
      const signature = Signature.of(metadata);
      const { manifest, files } = parts;
      const [labels, image] = [manifest.labels ?? files.labels, manifest.image ?? files.image];
      checkDemands(manifest, { signature, hasTokenizer: tokenizer !== undefined, image, imageFault: files.imageFault, labels });
      const { padTokenId = 0 } = tokenizer ?? {};
      const layout = signature.layout(parts.manifest.batching?.enabled, padTokenId, parts.manifest.batching?.segments);
      const policy = batchingPolicy(parts.manifest, prepared.provider === 'cpu');
      batcher = this.batching.open(policy, layout, instances, metrics);
      const model = modelOf(parts, { provider: prepared.provider, signature, layout, maxRows: policy.maxRows, tokenizer, instances, batcher, metrics }); // prettier-ignore
      const { remark, repeatable } = await warmUp(model);
      if (!(await checking)) throw new Error(DAMAGED);
      parts.memory.grown = Math.max(0, (await anonymousMemory()) - before);
      metrics.memory(parts.memory.expected.mapped, parts.memory.grown);
      if (remark) this.#logger.warn(`${name}/${version}: ${remark}`);
      return repeatable ? model : { ...model, cache: cachePolicy(parts.manifest, scopeOf(parts), false) };
    } catch (thrown) {
      if (batcher) this.batching.close(batcher);
      await this.runtime.end(instances);
      metrics.close();
      const [loads, intact] = [await starting.then(() => true, () => false), await checking]; // prettier-ignore
      if (!prepared.prepared || this.runtime.closed || (loads && intact)) throw thrown;
      const reason = intact ? reasonOf(thrown) : DAMAGED;
      this.#logger.warn(`${prepared.modelPath} does not load, it will be prepared anew: ${reason}`);
      parts.memory.release();
      await this.preparedModels.discard(prepared);
      // What is damaged twice lies on a disk that cannot be trusted.
      return this.#run({ ...plans, prepared: intact ? original : await anew(), anew: () => Promise.resolve(original) }, parts);
    }
  }

  async #tokenizer({ manifest, files: { tokenizerPath, maxLength } }: Parts): Promise<Tokenizer | undefined> {
    return tokenizerPath === undefined ? undefined : Tokenizer.load(tokenizerPath, { maxLength: manifest.maxLength ?? maxLength });
  }
}

function modeOf({ runtime }: Manifest): MemoryMode {
  return runtime?.memory ?? 'shared';
}

/** Of everything that its answers depend on. */
function scopeOf({ content, manifest, files }: Source): string {
  // The recipe of an export is what this release makes of it.
  const image = manifest.image ? undefined : files.image;
  return contentScope(content, loadingKeys(manifest) + (image ? JSON.stringify(image) : ''));
}

/** What is known of a version, put together. */
function modelOf(parts: Parts, running: Running): Model {
  const { folder, manifest, files, memory } = parts;
  const { signature, tokenizer } = running;
  const labels = manifest.labels ?? files.labels;
  const image = manifest.image ?? files.image;
  const clues = {
    signature,
    hasTokenizer: tokenizer !== undefined,
    // Of other exports with pictures, which find things in them, nobody here makes pictures into tensors.
    hasImageRecipe: image !== undefined || (files.imageFault !== undefined && scoresOutput(signature, labels) !== undefined),
    hasLabels: labels !== undefined,
  };
  const task = manifest.task ?? taskOf(clues);
  if (task === 'image-classification' && !image) throw new Error(`${files.imageFault}; give image in model.yaml, or task: tensors`);
  return {
    ...running,
    name: folder.name,
    version: folder.version,
    task,
    limits: inputLimits(files, manifest.inputs),
    labels,
    activation: manifest.activation ?? (signature.output('logits') ? 'softmax' : 'none'),
    image,
    ...poolingPlan(manifest, files, signature, task),
    ...promptPlan(manifest, files, signature),
    readyAt: Math.floor(Date.now() / 1000),
    cache: cachePolicy(manifest, scopeOf(parts)),
    usage: new Usage(),
    memory,
  };
}
