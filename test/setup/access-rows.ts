// Who may call which route and which method, written down apart from the source: what test/access-matrix.spec.ts holds the server to.
import { MINILM } from './fixtures.js';

/**
 * Which models a call is about: one that the path, the body or the server's configuration names, those of the caller (a list), or all there are.
 */
export type About = 'path' | 'body' | 'fixed' | 'own' | 'all';

export interface Rule {
  /** Undefined: whoever is known. */
  readonly scope?: 'predict' | 'embed' | 'models:read' | 'admin';
  readonly about: About;
}

export interface HttpRow {
  /** Undefined: everybody may. */
  readonly rule?: Rule;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses of a caller that may; 200 by default. */
  readonly statuses?: readonly number[];
}

const INSTANCES = { instances: [Array.from({ length: 64 }, (_, index) => index % 17)] };
/** Part of what is sent, and of nothing that a server says: no log may have it. */
export const PAYLOAD = 'a confidence that no log may have';
const TENSOR = { inputs: [{ name: 'pixels', datatype: 'FP32', shape: [1, 64], data: INSTANCES.instances[0] }] };

const predict = { rule: { scope: 'predict', about: 'path' }, body: INSTANCES } as const;
const infer = { rule: { scope: 'predict', about: 'path' }, body: TENSOR } as const;
const read = { rule: { scope: 'models:read', about: 'path' } } as const;
const list = { rule: { scope: 'models:read', about: 'own' } } as const;
const administer = { rule: { scope: 'admin', about: 'all' } } as const;
const docs = { rule: { about: 'all' } } as const;
const open = {};
const tei = (body: unknown): HttpRow => ({ rule: { scope: 'embed', about: 'fixed' }, body });

export const HTTP: Readonly<Record<string, HttpRow>> = {
  'POST /v1/models/:model/predict': predict,
  'POST /v1/models/:model/versions/:version/predict': predict,
  'POST /v1/embeddings': { rule: { scope: 'embed', about: 'body' }, body: { model: ':model', input: PAYLOAD } },
  'GET /v1/models': list,
  'GET /v1/models/:model': read,
  'GET /v2': list,
  'GET /v2/health/live': open,
  'GET /v2/health/ready': open,
  'GET /v2/models': list,
  'GET /v2/models/stats': list,
  'GET /v2/models/:model': read,
  'GET /v2/models/:model/versions/:version': read,
  'GET /v2/models/:model/ready': read,
  'GET /v2/models/:model/versions/:version/ready': read,
  'GET /v2/models/:model/config': read,
  'GET /v2/models/:model/versions/:version/config': read,
  'GET /v2/models/:model/stats': read,
  'GET /v2/models/:model/versions/:version/stats': read,
  'POST /v2/models/:model/infer': infer,
  'POST /v2/models/:model/versions/:version/infer': infer,
  'POST /v2/repository/index': list,
  'POST /v2/repository/models/:model/load': { rule: { scope: 'admin', about: 'path' } },
  // Loaded again by nobody: from the second time on there is no such model.
  'POST /v2/repository/models/:model/unload': { rule: { scope: 'admin', about: 'path' }, statuses: [200, 404] },
  'GET /v1/cache': administer,
  'DELETE /v1/cache': administer,
  'GET /v1/memory': administer,
  'GET /v1/memory/heap-snapshot': administer,
  'GET /metrics': { rule: { scope: 'models:read', about: 'all' } },
  'GET /health': open,
  'GET /health/ready': open,
  'GET /health/live': open,
  'GET /health/startup': open,
  'POST /': tei({ inputs: PAYLOAD }),
  'POST /embed': tei({ inputs: PAYLOAD }),
  'POST /invocations': tei({ inputs: PAYLOAD }),
  'POST /embed_all': tei({ inputs: PAYLOAD }),
  'POST /similarity': tei({ inputs: { source_sentence: PAYLOAD, sentences: [PAYLOAD] } }),
  'POST /tokenize': tei({ inputs: PAYLOAD }),
  'POST /decode': tei({ ids: [101, 2023, 102] }),
  'POST /predict': { ...tei({ inputs: PAYLOAD }), statuses: [424] },
  'POST /rerank': { ...tei({ query: PAYLOAD, texts: [PAYLOAD] }), statuses: [424] },
  'POST /embed_sparse': { ...tei({ inputs: PAYLOAD }), statuses: [424] },
  'GET /': open,
  'GET /ping': open,
  'GET /info': { rule: { scope: 'models:read', about: 'fixed' } },
  'GET /openapi.json': docs,
  'GET /docs': docs,
  'GET /docs/': docs,
  'GET /docs-yaml': docs,
  'GET /docs/index.html': docs,
  // A file beside the page, which its package does not ship.
  'GET /docs/LICENSE': { ...docs, statuses: [200, 404] },
  'GET /docs/swagger-ui-init.js': docs,
  'GET /docs/docs/swagger-ui-init.js': docs,
};

const methodOf = (rule?: Rule, message: Record<string, unknown> = {}, statuses: readonly string[] = ['OK']) => ({
  rule,
  message,
  statuses,
});
export type GrpcRow = ReturnType<typeof methodOf>;
const named = { name: 'digits' };

export const GRPC: Readonly<Record<string, GrpcRow>> = {
  '/grpc.health.v1.Health/Check': methodOf(),
  '/grpc.health.v1.Health/Watch': methodOf(),
  '/inference.GRPCInferenceService/ServerLive': methodOf(),
  '/inference.GRPCInferenceService/ServerReady': methodOf(),
  // Answers no where there is no such model.
  '/inference.GRPCInferenceService/ModelReady': methodOf({ scope: 'models:read', about: 'own' }, named),
  '/inference.GRPCInferenceService/ServerMetadata': methodOf({ scope: 'models:read', about: 'own' }),
  '/inference.GRPCInferenceService/ModelMetadata': methodOf({ scope: 'models:read', about: 'body' }, named),
  '/inference.GRPCInferenceService/ModelInfer': methodOf(
    { scope: 'predict', about: 'body' },
    {
      modelName: 'digits',
      inputs: [{ name: 'pixels', datatype: 'FP32', shape: [1n, 64n] }],
      rawInputContents: [new Uint8Array(256)],
    },
  ),
  '/inference.GRPCInferenceService/ModelConfig': methodOf({ scope: 'models:read', about: 'body' }, named),
  '/inference.GRPCInferenceService/ModelStatistics': methodOf({ scope: 'models:read', about: 'own' }),
  '/inference.GRPCInferenceService/RepositoryIndex': methodOf({ scope: 'models:read', about: 'own' }),
  '/inference.GRPCInferenceService/RepositoryModelLoad': methodOf({ scope: 'admin', about: 'body' }, { modelName: 'digits' }),
  '/inference.GRPCInferenceService/RepositoryModelUnload': methodOf({ scope: 'admin', about: 'body' }, { modelName: 'spare' }, [
    'OK',
    'NOT_FOUND',
  ]),
};

/** The model that a row is tried with. */
export function modelOf(route: string): string {
  if (route.endsWith('/unload')) return 'spare';
  return /embed|tokenize|decode/.test(route) ? MINILM : 'digits';
}
