// The prompts of a model, from its export and its manifest, and whether the graph can do with them what the export asks for.
import { Prompts } from '../features/prompts.js';
import { embeddingOutputs } from './embedding-outputs.js';
import type { Manifest } from './manifest.js';
import type { ModelFiles } from './model-files.js';
import type { Model } from './model.js';
import type { Signature } from './signature.js';

/** @throws Error when a prompt cannot be used, or not be left out of the pooling where the export says so. */
export function promptPlan(manifest: Manifest, files: ModelFiles, signature: Signature): Pick<Model, 'prompts' | 'includePrompt'> {
  const prompts = Prompts.compile({
    prefixes: files.prompts,
    templates: manifest.prompts,
    byDefault: manifest.defaultPrompt ?? files.defaultPrompt,
  });
  const { includePrompt = true } = files;
  if (includePrompt) return { prompts, includePrompt };
  const fault = 'the pooling leaves prompts out (include_prompt: false in 1_Pooling/config.json)';
  if (!embeddingOutputs(signature).tokens) throw new Error(`${fault}, and the graph pools by itself: export it with its token embeddings`);
  if (prompts.templated) throw new Error(`${fault}, which takes prompts that stand in front of the text: make the templates plain texts`);
  return { prompts, includePrompt };
}
