// How the token vectors of a model become one of the text, from its export and its manifest, and whether that is all that the export does.
import { embeddingOutputs } from './embedding-outputs.js';
import type { Manifest } from './manifest.js';
import type { ModelFiles } from './model-files.js';
import type { Model } from './model.js';
import type { Signature } from './signature.js';

type PoolingPlan = Pick<Model, 'pooling' | 'normalize' | 'poolsInGraph'>;

/** @throws Error for an embedding model whose export does more with the pooled vectors than Nestor, and whose graph does not. */
export function poolingPlan(manifest: Manifest, files: ModelFiles, signature: Signature, task: Model['task']): PoolingPlan {
  const { graphModules = [], includePrompt = true } = files;
  const { text, tokens } = embeddingOutputs(signature);
  const pooledHere = text === undefined || (tokens !== undefined && !includePrompt);
  if (task === 'embeddings' && pooledHere && graphModules.length > 0) {
    const some = graphModules.join(' and ');
    throw new Error(`modules.json has ${some}, which Nestor does not do: export the graph with it, so that it puts out sentence_embedding`);
  }
  return {
    pooling: manifest.pooling ?? files.pooling ?? 'mean',
    normalize: manifest.normalize ?? files.normalize ?? false,
    poolsInGraph: graphModules.length > 0,
  };
}
