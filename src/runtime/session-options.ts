// What a session is told at its creation: provider, threads, and the levers that were measured.
import { dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';

export const PROVIDERS = ['cpu', 'cuda', 'tensorrt'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Session entries of ONNX Runtime without the prefix `session.`, nested at the dots or not. */
export interface SessionEntries {
  readonly [name: string]: string | number | boolean | SessionEntries;
}

export interface SessionPlan {
  readonly provider: Provider;
  /** Which GPU; without meaning for `cpu`. */
  readonly deviceId: number;
  readonly intraOpThreads: number;
  /** Whether its threads wait for the next operator awake. */
  readonly spinning: boolean;
  /** The graph was optimized when it was prepared: nothing is left to do. */
  readonly prepared: boolean;
  /** Further session entries, e.g. `{ disable_prepacking: '1' }`; see onnxruntime_session_options_config_keys.h. */
  readonly entries: SessionEntries;
}

/**
 * The first fails the session where it cannot be loaded, which then does not run on the CPU without a word. What TensorRT lacks runs on CUDA, as
 * ONNX Runtime's documentation of it recommends; operators that a GPU provider lacks are placed on the CPU all the same. Not run on a GPU.
 */
const EXECUTION_PROVIDERS: Readonly<Record<Provider, readonly Provider[]>> = {
  cpu: ['cpu'],
  cuda: ['cuda'],
  tensorrt: ['tensorrt', 'cuda'],
};

export function sessionOptions(plan: SessionPlan): InferenceSession.SessionOptions {
  const { provider, deviceId, intraOpThreads, spinning, prepared, entries } = plan;
  return {
    executionProviders: EXECUTION_PROVIDERS[provider].map((name) => (name === 'cpu' ? name : { name, deviceId })),
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: prepared ? 'disabled' : 'all',
    // A pattern is planned for each new shape: 115 texts/s with it, 252 without, since batches rarely repeat a shape.
    enableMemPattern: false,
    // Errors come back as exceptions, with the request that they belong to; ORT's own lines would only stand beside the log.
    logSeverityLevel: 4,
    // Spinning threads take the cores of the next batch and of the event loop. A session that has all cores anyway answers a lone text
    // in 3.3 ms with it and in 3.9 without.
    // The threads of the pool take denormals for zero as the one that runs the session does: thread-starter.ts says why.
    extra: { session: { 'intra_op.allow_spinning': spinning ? '1' : '0', set_denormal_as_zero: '1', ...flat(entries) } },
  };
}

/** Names of the files of a prepared model; the second is mapped, whole, by every session that loads the first. */
export const PREPARED = { graph: 'model.onnx', weights: 'model.onnx.data' } as const;

/** Where the weights of a prepared graph lie. */
export function weightsOf(modelPath: string): string {
  return join(dirname(modelPath), PREPARED.weights);
}

/**
 * A session with these options writes its optimized graph into a folder, and its weights beside it.
 * @param prepacked also writes weights as the kernels of this processor want them: sessions then map those instead of making their own.
 */
export function preparingOptions(plan: SessionPlan, folder: string, prepacked: boolean): InferenceSession.SessionOptions {
  const options = sessionOptions(plan);
  const { session } = options.extra as { session: Record<string, string> };
  return {
    ...options,
    optimizedModelFilePath: join(folder, PREPARED.graph),
    extra: {
      session: {
        ...session,
        optimized_model_external_initializers_file_name: PREPARED.weights,
        optimized_model_external_initializers_min_size_in_bytes: '1024',
        save_external_prepacked_constant_initializers: prepacked ? '1' : '0',
      },
    },
  };
}

/** `{ a: { b: true } }` is `{ 'a.b': '1' }`: ONNX Runtime knows texts alone. */
function flat(entries: SessionEntries, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, value]) => {
      if (typeof value === 'object') return Object.entries(flat(value, `${prefix}${name}.`));
      return [[`${prefix}${name}`, typeof value === 'boolean' ? String(Number(value)) : String(value)]];
    }),
  );
}
