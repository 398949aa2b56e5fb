// A folder of the repository -> a model that serves: files read, instances started, warmed up.
import { stat } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Batcher } from '../batching/batcher.js';
import { BatchingService } from '../batching/batching.service.js';
import { NestorError, reasonOf } from '../errors.js';
import { Tokenizer } from '../features/tokenizer.js';
import type { SessionMetadata } from '../runtime/instance.js';
import type { GroupEvents, InstanceGroup, InstancePlan } from '../runtime/instance-group.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { weightsOf } from '../runtime/session-options.js';
import { Metrics } from '../telemetry/metrics.js';
import { processMemory } from '../telemetry/process-memory.js';
import { ModelMetrics } from '../telemetry/model-metrics.js';
import { cachePolicy } from './cache-policy.js';
import { contentOf, contentScope, type Content } from './content-digest.js';
import { checkDemands } from './demands.js';
import type { ContainedFile } from './folder-contents.js';
import { footprintOf } from './footprint.js';
import { inputLimits } from './input-limits.js';
import { loadingKeys, type Manifest } from './manifest.js';
import { readModelFiles, type ModelFiles } from './model-files.js';
import { MemoryBudget } from './memory-budget.js';
import type { MemoryMode } from './memory-mode.js';
import type { Model, ModelMemory } from './model.js';
import { batchingPolicy, instancePlan } from './plans.js';
import { PreparedModels } from './prepared-models.js';
import { promptPlan } from './prompt-plan.js';
import type { VersionFolder } from './repository.js';
import { Signature } from './signature.js';
import { taskOf } from './task.js';
import { Usage } from './usage.js';
import { warmUp } from './warm-up.js';

/** How a version was given, and how it runs; the same where it is not prepared. */
interface Plans {
  readonly original: InstancePlan;
  readonly prepared: InstancePlan;
}

interface Started {
  readonly instances: InstanceGroup;
  readonly metadata: SessionMetadata;
}

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
  async load(
    folder: VersionFolder,
    manifest: Manifest,
    contents: readonly ContainedFile[],
    makeRoom: () => Promise<boolean>,
  ): Promise<Model> {
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
    return this.preparedModels.prepared(await this.#original(files, manifest), content, manifest.runtime?.memory ?? 'shared');
  }

  async #original({ modelPath }: ModelFiles, manifest: Manifest): Promise<InstancePlan> {
    return instancePlan(manifest, modelPath, (await stat(modelPath)).size, this.runtime.cores.total);
  }

  /** Takes the share of the budget that the model is expected to need. */
  async #reserve(
    { name, version }: VersionFolder,
    { prepared }: Plans,
    content: Content,
    mode: MemoryMode,
    makeRoom: () => Promise<boolean>,
  ): Promise<ModelMemory> {
    const weightsPath = prepared.prepared ? weightsOf(prepared.modelPath) : undefined;
    // A graph of small weights alone, beside large files of another kind, is prepared without a file for them.
    const weightBytes = weightsPath === undefined ? content.bytes : await stat(weightsPath).then(({ size }) => size, () => 0); // prettier-ignore
    const expected = footprintOf(prepared, weightBytes, mode);
    return { mode, weightsPath, expected, grown: 0, release: await this.budget.reserve(`${name}/${version}`, expected, makeRoom) };
  }

  async #load(
    folder: VersionFolder,
    manifest: Manifest,
    contents: readonly ContainedFile[],
    makeRoom: () => Promise<boolean>,
  ): Promise<Model> {
    const { name, version, path } = folder;
    const files = await readModelFiles(path);
    const maxLength = manifest.maxLength ?? files.maxLength;
    const hashing = contentOf(contents);
    // On this thread, while others read.
    const tokenizing = files.tokenizerPath ? Tokenizer.load(files.tokenizerPath, { maxLength }) : Promise.resolve(undefined);
    tokenizing.catch(() => undefined);
    const content = await hashing;
    const mode = manifest.runtime?.memory ?? 'shared';
    const original = await this.#original(files, manifest);
    const plans = { original, prepared: await this.preparedModels.atFirstSight(original, content, mode) };
    const memory = await this.#reserve(folder, plans, content, mode, makeRoom);
    const metrics = new ModelMetrics(this.metrics, name, version);
    const { private: before } = await processMemory();
    const { instances, metadata } = await this.#start(plans, () => this.preparedModels.prepared(original, content, mode), {
      onFree: () => batcher?.pump(),
      onLost: (reason) => {
        metrics.workerLost();
        this.#logger.warn(`${name}/${version}: ${reason}; it is started again`);
      },
    }).catch((thrown: unknown) => {
      memory.release();
      metrics.close();
      throw thrown;
    });
    const { provider } = original;
    let batcher: Batcher | undefined;
    try {
      const digest = contentScope(content, loadingKeys(manifest));
      const signature = Signature.of(metadata);
      const tokenizer = await tokenizing;
      const labels = manifest.labels ?? files.labels;
      const image = manifest.image ?? files.image;
      checkDemands(manifest, { signature, hasTokenizer: tokenizer !== undefined, image, labels });
      const layout = signature.layout(manifest.batching?.enabled, tokenizer?.padTokenId ?? 0, manifest.batching?.segments);
      const policy = batchingPolicy(manifest, provider === 'cpu');
      batcher = this.batching.open(policy, layout, instances, metrics);
      const clues = {
        signature,
        hasTokenizer: tokenizer !== undefined,
        hasImageRecipe: image !== undefined,
        hasLabels: labels !== undefined,
      };
      const model: Model = {
        name,
        version,
        task: manifest.task ?? taskOf(clues),
        provider,
        signature,
        layout,
        limits: inputLimits(files, manifest.inputs),
        maxRows: policy.maxRows,
        labels,
        activation: manifest.activation ?? (signature.output('logits') ? 'softmax' : 'none'),
        tokenizer,
        image,
        pooling: manifest.pooling ?? files.pooling ?? 'mean',
        normalize: manifest.normalize ?? files.normalize ?? false,
        ...promptPlan(manifest, files, signature),
        readyAt: Math.floor(Date.now() / 1000),
        instances,
        batcher,
        cache: cachePolicy(manifest, digest),
        metrics,
        usage: new Usage(),
        memory,
      };
      const { remark, repeatable } = await warmUp(model);
      memory.grown = Math.max(0, (await processMemory()).private - before);
      metrics.memory(memory.expected.mapped, memory.grown);
      if (remark) this.#logger.warn(`${name}/${version}: ${remark}`);
      return repeatable ? model : { ...model, cache: cachePolicy(manifest, digest, false) };
    } catch (thrown) {
      if (batcher) this.batching.close(batcher);
      await this.runtime.end(instances);
      memory.release();
      metrics.close();
      throw thrown;
    }
  }

  /**
   * Starts the instances, and looks meanwhile whether the weights that they map are what was prepared. Where they are not, they are prepared
   * anew; where the prepared model does not load, the original is loaded, and the next load prepares it.
   */
  async #start({ original, prepared }: Plans, anew: () => Promise<InstancePlan>, events: Omit<GroupEvents, 'onUnfit'>): Promise<Started> {
    const instances = this.runtime.group(prepared, events);
    let intact = true;
    try {
      const checking = this.preparedModels.isIntact(prepared);
      const metadata = await instances.start();
      intact = await checking;
      if (!intact) throw new Error('its weights are damaged');
      return { instances, metadata };
    } catch (thrown) {
      await this.runtime.end(instances);
      if (!prepared.prepared) throw thrown;
      this.#logger.warn(`${prepared.modelPath} does not load, it will be prepared anew: ${reasonOf(thrown)}`);
      await this.preparedModels.discard(prepared);
      return this.#start({ original, prepared: intact ? original : await anew() }, anew, events);
    }
  }
}
