// Which outputs of a text model hold vectors: one a text, pooled inside the graph, or one a token.
import type { Signature, TensorSpec } from './signature.js';

export interface EmbeddingOutputs {
  /** `[texts, d]` */
  readonly text: TensorSpec | undefined;
  /** `[texts, tokens, d]` */
  readonly tokens: TensorSpec | undefined;
}

const TOKEN_OUTPUTS = ['last_hidden_state', 'token_embeddings'];

/** By the names that Hugging Face's and Sentence Transformers' exports give them, else by their rank. */
export function embeddingOutputs(signature: Signature): EmbeddingOutputs {
  const byToken = signature.outputs.filter(({ shape }) => shape.length === 3);
  const tokens = byToken.find(({ name }) => TOKEN_OUTPUTS.includes(name)) ?? byToken[0];
  return { tokens, text: signature.output('sentence_embedding') ?? (tokens ? undefined : signature.outputs[0]) };
}
