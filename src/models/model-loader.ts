// A folder of the repository -> a model that serves: files read, instances started, warmed up.
import { stat } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Batcher } from '../batching/batcher.js';
import { BatchingService } from '../batching/batching.service.js';
import { reasonOf } from '../errors.js';
import { Tokenizer } from '../features/tokenizer.js';
import type { InstanceGroup } from '../runtime/instance-group.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { Metrics } from '../telemetry/metrics.js';
import { ModelMetrics } from '../telemetry/model-metrics.js';
import { cachePolicy } from './cache-policy.js';
import { modelDigest, fingerprint } from './model-digest.js';
import { inputLimits } from './input-limits.js';
import { readManifest } from './manifest.js';
import { readModelFiles } from './model-files.js';
import type { Model } from './model.js';
import { batchingPolicy, instancePlan } from './plans.js';
import { promptPlan } from './prompt-plan.js';
import type { VersionFolder } from './repository.js';
import { Signature } from './signature.js';
import { taskOf } from './task.js';
import { warmUp } from './warm-up.js';

@Injectable()
export class ModelLoader {
  readonly #logger = new Logger(ModelLoader.name);

  constructor(
    private readonly runtime: RuntimeService,
    private readonly batching: BatchingService,
    private readonly metrics: Metrics,
  ) {}

  /** @throws Error with the path and the reason when the model cannot serve. */
  async load(folder: VersionFolder): Promise<Model> {
    const started = performance.now();
    try {
      const model = await this.#load(folder);
      const seconds = (performance.now() - started) / 1000;
      model.metrics.loaded(seconds);
      this.#logger.log(`${model.name}/${model.version} serves ${model.task} on ${model.provider}, ready after ${seconds.toFixed(2)} s`);
      return model;
    } catch (thrown) {
      throw new Error(`${folder.path}: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }

  async #load({ name, version, path, manifestPath }: VersionFolder): Promise<Model> {
    const before = await fingerprint(path, manifestPath);
    const manifest = await readManifest(manifestPath);
    const files = await readModelFiles(path);
    const metrics = new ModelMetrics(this.metrics, name, version);
    const plan = instancePlan(manifest, files.modelPath, (await stat(files.modelPath)).size, this.runtime.cores.total);
    const instances: InstanceGroup = this.runtime.group(plan, {
      onFree: () => batcher?.pump(),
      onLost: (reason) => {
        metrics.workerLost();
        this.#logger.warn(`${name}/${version}: ${reason}; it is started again`);
      },
    });
    let batcher: Batcher | undefined;
    try {
      // The threads read the graph while it is hashed here.
      const [metadata, digest] = await Promise.all([instances.start(), modelDigest(path, manifestPath)]);
      const signature = Signature.of(metadata);
      const maxLength = manifest.maxLength ?? files.maxLength;
      const tokenizer = files.tokenizerPath ? await Tokenizer.load(files.tokenizerPath, { maxLength }) : undefined;
      const labels = manifest.labels ?? files.labels;
      const image = manifest.image ?? files.image;
      const layout = signature.layout(manifest.batching?.enabled, tokenizer?.padTokenId ?? 0, manifest.batching?.segments);
      const policy = batchingPolicy(manifest, plan.provider === 'cpu');
      batcher = this.batching.open(policy, layout, instances, metrics);
      const clues = { signature, hasTokenizer: tokenizer !== undefined, hasImageRecipe: image !== undefined, hasLabels: labels !== undefined };
      const model: Model = {
        name,
        version,
        task: manifest.task ?? taskOf(clues),
        provider: plan.provider,
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
      };
      // Else the weights of one file would be remembered under the digest of another.
      if ((await fingerprint(path, manifestPath)) !== before) throw new Error('its files changed while it was loaded; load it again');
      const { remark, repeatable } = await warmUp(model);
      if (remark) this.#logger.warn(`${name}/${version}: ${remark}`);
      return repeatable ? model : { ...model, cache: cachePolicy(manifest, digest, false) };
    } catch (thrown) {
      await instances.close();
      throw thrown;
    }
  }
}
