// What text-embeddings-inference says of itself and its model, in its own words.
import { VERSION } from '../../config/version.js';
import type { Model } from '../../models/model.js';
import { embeddingOutputs } from '../../models/embedding-outputs.js';
import { MOST_INPUTS } from '../codecs/embeddings-document.js';

export interface TeiInfo {
  readonly model_id: string;
  readonly model_sha: string | null;
  readonly model_dtype: string;
  readonly served_model_name: string;
  readonly model_type: { readonly embedding: { readonly pooling: string } };
  readonly max_concurrent_requests: number;
  readonly max_input_length: number | null;
  readonly max_batch_tokens: number;
  readonly max_batch_requests: number;
  readonly max_client_batch_size: number;
  readonly auto_truncate: boolean;
  readonly tokenization_workers: number;
  readonly version: string;
  readonly sha: string | null;
  readonly docker_label: string | null;
}

/** Threads of libuv's pool, on which texts are tokenized. */
const POOL_THREADS = 4;

export function teiInfo({ name, signature, pooling, tokenizer, batcher: { policy } }: Model): TeiInfo {
  const { text, tokens } = embeddingOutputs(signature);
  return {
    model_id: name,
    model_sha: null,
    model_dtype: (text ?? tokens)?.datatype === 'FP16' ? 'float16' : 'float32',
    served_model_name: name,
    model_type: { embedding: { pooling: pooling === 'lasttoken' ? 'last_token' : pooling } },
    max_concurrent_requests: policy.maxQueueItems,
    max_input_length: tokenizer?.maxLength ?? null,
    max_batch_tokens: policy.maxTokens,
    max_batch_requests: policy.maxRows,
    max_client_batch_size: Math.min(policy.maxQueueItems, MOST_INPUTS),
    auto_truncate: true,
    tokenization_workers: Number(process.env.UV_THREADPOOL_SIZE ?? POOL_THREADS),
    version: VERSION,
    sha: null,
    docker_label: null,
  };
}
