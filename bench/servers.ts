// Who is compared: how each server is started, and what it needs from PyPI.
import { join } from 'node:path';
import { PEERS, PYTHON, ROOT } from './paths.ts';

export interface Ports {
  readonly http: number;
  readonly grpc: number;
}

export interface Server {
  readonly name: string;
  readonly label: string;
  readonly family: 'nestor' | 'fastapi' | 'litserve' | 'bentoml';
  /** Runs in the cells that ask for it by name, and in no other. */
  readonly apart?: true;
  /** Answers without a model: there is nothing to check. */
  readonly constant?: true;
  /** Answers 200 once the server is ready. */
  readonly ready: string;
  /** What an orchestrator would probe. */
  readonly live: string;
  command(ports: Ports): readonly [string, ...string[]];
  environment(ports: Ports): Readonly<Record<string, string>>;
}

/**
 * The one place for Nestor's settings in every measurement. The load repeats texts in time: what is measured is the work, not the memory of
 * it. What glibc is told is that of `npm start` and of the image.
 */
const NESTOR_ENVIRONMENT: Readonly<Record<string, string>> = {
  LOG_LEVEL: 'warn',
  CACHE: 'off',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '4194304',
  MALLOC_TRIM_THRESHOLD_: '67108864',
};

export const FAMILY_PACKAGES: Readonly<Record<Server['family'], readonly string[]>> = {
  nestor: [],
  fastapi: ['fastapi', 'uvicorn[standard]'],
  litserve: ['litserve'],
  bentoml: ['bentoml'],
};
export const ENGINE_PACKAGES: readonly string[] = ['numpy', 'onnxruntime', 'tokenizers'];

export const nestor: Server = {
  name: 'nestor',
  label: 'Nestor',
  family: 'nestor',
  ready: '/health',
  live: '/health/live',
  command: () => [process.execPath, join('dist', 'main.js')],
  environment: (ports) => ({ ...NESTOR_ENVIRONMENT, PORT: String(ports.http), GRPC_PORT: String(ports.grpc) }),
};

export const remembering: Server = {
  ...nestor,
  name: 'nestor-cache',
  label: 'Nestor, cache on',
  apart: true,
  environment: (ports) => ({ ...nestor.environment(ports), CACHE: 'on' }),
};

const PEER_ENVIRONMENT = { BENCH_MODELS: join(ROOT, 'models'), PYTHONDONTWRITEBYTECODE: '1' };

export function fastapi(name: string, label: string, module: string, threads: number, workers = 1): Server {
  const options = ['--host', '127.0.0.1', '--no-access-log', '--log-level', 'warning'];
  return {
    name: `fastapi-${name}`,
    label: `FastAPI, ${label}`,
    family: 'fastapi',
    ready: '/health',
    live: '/health',
    command: ({ http }) => {
      const where = ['--app-dir', PEERS, '--port', String(http), '--workers', String(workers)];
      return [PYTHON, '-m', 'uvicorn', `${module}:app`, ...where, ...options];
    },
    environment: () => ({ ...PEER_ENVIRONMENT, INTRA_OP_THREADS: String(threads) }),
  };
}

/** What FastAPI costs before it computes anything: bytes that are there already. */
const constant: Server = {
  ...fastapi('constant', 'a constant answer', 'fastapi_constant', 1),
  apart: true,
  constant: true,
};

/** With batching: one worker that has all cores. Without: two workers of one thread, which is the faster way on two cores. */
function modes(batching: boolean): Record<string, string> {
  const mode = batching ? { BATCH: '16', WORKERS: '1', INTRA_OP_THREADS: '0' } : { BATCH: '1', WORKERS: '2', INTRA_OP_THREADS: '1' };
  return { ...PEER_ENVIRONMENT, ...mode };
}

function litserve(name: string, label: string, batching: boolean): Server {
  return {
    name: `litserve-${name}`,
    label: `LitServe, ${label}`,
    family: 'litserve',
    ready: '/health',
    live: '/health',
    command: () => [PYTHON, join(PEERS, 'litserve_server.py')],
    environment: ({ http }) => ({ ...modes(batching), PORT: String(http) }),
  };
}

function bentoml(name: string, label: string, batching: boolean): Server {
  return {
    name: `bentoml-${name}`,
    label: `BentoML, ${label}`,
    family: 'bentoml',
    ready: '/readyz',
    live: '/livez',
    command: ({ http }) => {
      const where = ['--working-dir', PEERS, '--host', '127.0.0.1', '--port', String(http)];
      return [PYTHON, '-m', 'bentoml', 'serve', 'bentoml_service:Service', ...where];
    },
    environment: () => ({ ...modes(batching), BENTOML_DO_NOT_TRACK: '1' }),
  };
}

/** Serves an identity model alone, as bytes and as JSON: for bench/formats.ts. */
export function fastapiTensors(model: string): Server {
  const server = fastapi('tensors', 'identity model', 'fastapi_tensors', 1);
  return { ...server, environment: (ports) => ({ ...server.environment(ports), BENCH_TENSOR_MODEL: model }) };
}

export const SERVERS: readonly Server[] = [
  nestor,
  remembering,
  constant,
  fastapi('blocking', 'session.run in the async route', 'fastapi_blocking', 0),
  fastapi('threadpool-2', 'thread pool, 2 intra-op threads', 'fastapi_threadpool', 2),
  fastapi('threadpool-1', 'thread pool, 1 intra-op thread', 'fastapi_threadpool', 1),
  fastapi('workers-2', 'the same, 2 uvicorn workers', 'fastapi_threadpool', 1, 2),
  fastapi('queue', 'hand-made queue, 16 / 5 ms', 'fastapi_queue', 2),
  litserve('batching', 'batching 16 / 5 ms', true),
  litserve('plain', 'batching off, 2 workers', false),
  bentoml('batching', 'adaptive batching, 16', true),
  bentoml('plain', 'batching off, 2 workers', false),
];
