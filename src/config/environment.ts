// The one environment table: every variable that Nestor reads, its default and its rule.
import { IsBoolean, IsIn, IsInt, IsString, Matches, Max, Min, MinLength, ValidateBy, validateSync } from 'class-validator';
import { usualInputsLimit } from './memory.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const SAMPLERS = ['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'];
const CACHE_SCOPES = ['tenant', 'shared'] as const;
const ORIGINS = /^(\*|https?:\/\/[^\s,/]+(\s*,\s*https?:\/\/[^\s,/]+)*)?$/;
const ONLY_PROTOBUF = { message: 'spans go as http/protobuf only; a collector takes them on port 4318' };

/** Empty, or what its client will be able to read: `fits` may throw. */
function isUrl(rule: string, scheme: RegExp, fits: (url: URL) => boolean = () => true): PropertyDecorator {
  const validate = (value: unknown): boolean => {
    if (value === '') return true;
    try {
      return scheme.test(String(value)) && fits(new URL(String(value)));
    } catch {
      return false;
    }
  };
  return ValidateBy({ name: 'isUrl', validator: { validate, defaultMessage: () => rule } });
}

const IsHttpUrl = () => isUrl('must be a URL that begins with http:// or https://', /^https?:\/\/\S+$/);
/** The path is the number of the database. */
const IsRedisUrl = () =>
  isUrl(
    'must be redis://host:port or rediss://host:port, perhaps with user:password@ in front of the host, percent-encoded',
    /^rediss?:\/\/\S+$/,
    ({ username, password, pathname }) => {
      decodeURIComponent(username + password);
      return /^(\/\d*)?$/.test(pathname);
    },
  );

export class Environment {
  /** Port of the REST routes; 0 lets the system choose. */
  @IsInt() @Min(0) @Max(65535) readonly PORT: number = 8000;

  /** Address to listen on; the container image sets 0.0.0.0. */
  @IsString() @MinLength(1) readonly HOST: string = '127.0.0.1';

  /** The Open Inference Protocol over gRPC, on a port of its own. */
  @IsBoolean() readonly GRPC_API: boolean = true;

  /** Port of gRPC; 0 lets the system choose. */
  @IsInt() @Min(0) @Max(65535) readonly GRPC_PORT: number = 8001;

  /** Folder of the model repository. */
  @IsString() @MinLength(1) readonly MODEL_REPOSITORY: string = './models';

  /** How often to look for changes of the repository, in seconds; 0 for never. */
  @IsInt() @Min(0) @Max(86_400) readonly MODEL_POLL_SECONDS: number = 0;

  /** Most that the process may take with all models, in bytes; 0 for no limit. */
  @IsInt() @Min(0) readonly MEMORY_BUDGET_BYTES: number = 0;

  /** Where the process takes more than this, in bytes, fresh instances take over from those that run; 0 for never. */
  @IsInt() @Min(0) readonly RECYCLE_ABOVE_BYTES: number = 0;

  @IsIn(LOG_LEVELS) readonly LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  /** From this many milliseconds on, a request explains itself in the log; 0: never. */
  @IsInt() @Min(0) @Max(3_600_000) readonly SLOW_REQUEST_MS: number = 1000;

  /** Largest body of a request, and largest message over gRPC, in bytes, decompressed. */
  @IsInt() @Min(1024) readonly BODY_LIMIT_BYTES: number = 32 * 1024 * 1024;

  /** Most that all bodies and messages together may hold that have not come to their end, in bytes; one alone has `BODY_LIMIT_BYTES` in any case. */
  @IsInt() @Min(1024) readonly BODIES_LIMIT_BYTES: number = 1024 * 1024 * 1024;

  /** Most that the inputs of all requests together may hold while these are served, in bytes, pictures as the tensors that they become. */
  @IsInt() @Min(1024) readonly INPUTS_LIMIT_BYTES: number = usualInputsLimit();

  /** Largest head of a request, its first line and its headers, in bytes. */
  @IsInt() @Min(1024) @Max(1_048_576) readonly HEADER_LIMIT_BYTES: number = 16 * 1024;

  /** Longest target of a request, its path and its query, in bytes. */
  @IsInt() @Min(256) @Max(1_048_576) readonly URL_LIMIT_BYTES: number = 8 * 1024;

  /** Seconds that a client has for the head of a request, from the first byte or, on a new connection, from its beginning. */
  @IsInt() @Min(1) @Max(3600) readonly HEADERS_TIMEOUT_SECONDS: number = 20;

  /** Seconds that a client has for a whole request, from its first byte to the last of its body; over gRPC, for its message. */
  @IsInt() @Min(1) @Max(86_400) readonly BODY_TIMEOUT_SECONDS: number = 300;

  /** Seconds after which a client loses its connection that sends its body, or reads its answer, slower than `SLOW_CLIENT_BYTES_PER_SECOND`; 0: never. */
  @IsInt() @Min(0) @Max(3600) readonly SLOW_CLIENT_SECONDS: number = 10;

  /** What is not slow, in bytes a second. */
  @IsInt() @Min(1) readonly SLOW_CLIENT_BYTES_PER_SECOND: number = 256;

  /** Seconds that a connection may be idle between two requests; longer than a load balancer in front keeps it. */
  @IsInt() @Min(1) @Max(3600) readonly KEEP_ALIVE_SECONDS: number = 72;

  /** Most connections of each port. At the limit the one that has been idle for longest gives way; where none is idle, the new one. */
  @IsInt() @Min(1) readonly MAX_CONNECTIONS: number = 4096;

  /** The same for one remote address; 0: no limit, as behind a proxy, whose address all clients have. */
  @IsInt() @Min(0) readonly MAX_CONNECTIONS_PER_ADDRESS: number = 0;

  /** Most calls at once on one connection of gRPC. */
  @IsInt() @Min(1) @Max(4_294_967_295) readonly GRPC_MAX_STREAMS: number = 1000;

  /** Seconds that a connection of gRPC may be without a call. */
  @IsInt() @Min(1) @Max(86_400) readonly GRPC_IDLE_SECONDS: number = 600;

  /** Origins whose pages may call this server from a browser, with commas between them; `*`: all; empty: none. */
  @Matches(ORIGINS, { message: 'must be * or origins as https://app.example.com, with commas between them' })
  readonly CORS_ORIGINS: string = '';

  /** Seconds after SIGTERM during which requests that were already routed here are still served, while readiness is false. */
  @IsInt() @Min(0) @Max(600) readonly DRAIN_SECONDS: number = 0;

  /** Seconds that requests in flight have to finish once the listener is closed. */
  @IsInt() @Min(1) @Max(3600) readonly SHUTDOWN_GRACE_SECONDS: number = 30;

  /** Opens the routes that change the server; without it they answer 404. */
  @IsBoolean() readonly ADMIN_API: boolean = false;

  /** Off: every request is computed, even one that equals another in flight. */
  @IsBoolean() readonly CACHE: boolean = true;

  /** Bytes of the memory tier; 0 for none. */
  @IsInt() @Min(0) readonly CACHE_MEMORY_BYTES: number = 128 * 1024 * 1024;

  /** Bytes of the disk tier, which outlives the process; 0 for none. */
  @IsInt() @Min(0) readonly CACHE_DISK_BYTES: number = 0;

  /** Folder for what can be made again, the disk tier and prepared models; processes of one machine may share it. */
  @IsString() @MinLength(1) readonly CACHE_DIR: string = './var/cache';

  /** Folder of models that were prepared beforehand, as in an image: looked into before `CACHE_DIR`, never written to. Empty: there is none. */
  @IsString() readonly PREPARED_DIR: string = '';

  /** Milliseconds that a request waits for the disk or Redis tier at most. */
  @IsInt() @Min(1) @Max(10_000) readonly CACHE_TIMEOUT_MS: number = 20;

  /** Milliseconds that one of the processes that share a Redis has for computing a value while the others wait for it; 0: each computes by itself. */
  @IsInt() @Min(0) @Max(60_000) readonly CACHE_LEASE_MS: number = 0;

  /** Whether what one tenant asked may be answered from the cache to another: `tenant` (never) or `shared`. */
  @IsIn(CACHE_SCOPES) readonly CACHE_SCOPE: (typeof CACHE_SCOPES)[number] = 'tenant';

  /** Header, and metadata of gRPC, that names the tenant; whoever stands in front of Nestor must set it. Empty: nobody does. */
  @Matches(/^[\w-]*$/, { message: 'must be the name of a header' }) readonly TENANT_HEADER: string = '';

  /** YAML with the weights and limits of tenants, read again when it changes; empty: everybody is equal and nobody is limited. */
  @IsString() readonly TENANTS_FILE: string = '';

  /** Redis for the tier that processes share, and for quotas that they count together, `redis://` or `rediss://`; empty: there is none. */
  @IsRedisUrl() readonly REDIS_URL: string = '';

  /** Opens the routes of text-embeddings-inference (`/embed` and its like); without it they answer 404. */
  @IsBoolean() readonly TEI_API: boolean = false;

  /** Name of the embedding model that those serve; empty where the repository has only one. */
  @IsString() readonly TEI_MODEL: string = '';

  /** `open`: nobody is asked who they are. Empty: callers are asked where keys or tokens are configured, and must be unless HOST is loopback. */
  @IsIn(['', 'open'], { message: 'must be open, or be left out' }) readonly ACCESS: string = '';

  /** File of API keys, YAML or JSON, read again when it changes. Empty: there are no keys. */
  @IsString() readonly ACCESS_KEYS_FILE: string = '';

  /** `iss` of the JWTs that are taken; empty: none are. */
  @IsString() readonly JWT_ISSUER: string = '';

  /** What their `aud` must name. */
  @IsString() readonly JWT_AUDIENCE: string = '';

  /** Where the issuer publishes its keys, a JSON Web Key Set. */
  @IsHttpUrl() readonly JWT_JWKS_URL: string = '';

  /** How far the issuer's clock and this one may be apart. */
  @IsInt() @Min(0) @Max(600) readonly JWT_CLOCK_SKEW_SECONDS: number = 30;

  /** Claim that names the tenant. */
  @IsString() @MinLength(1) readonly JWT_TENANT_CLAIM: string = 'tenant';

  /** Claim that has the scopes, as one text with spaces or as a list. */
  @IsString() @MinLength(1) readonly JWT_SCOPE_CLAIM: string = 'scope';

  /** Which of `metrics` and `docs` ask nobody, with commas between; probes never ask. */
  @Matches(/^((metrics|docs)(,(metrics|docs))*)?$/, { message: 'must be metrics, docs, or both with a comma between' })
  readonly OPEN_ROUTES: string = '';

  /** Where the audit log goes: `stderr`, `off`, or a file, which is appended to. */
  @IsString() @MinLength(1) readonly AUDIT_LOG: string = 'stderr';

  /** Certificate chain of the server, PEM, for HTTP and gRPC; read again when it changes. Empty: plain text. */
  @IsString() readonly TLS_CERT_FILE: string = '';

  /** Its private key, PEM. */
  @IsString() readonly TLS_KEY_FILE: string = '';

  /** Authority that clients' certificates must come from, PEM. Empty: they need none. */
  @IsString() readonly TLS_CLIENT_CA_FILE: string = '';

  // The names and meanings of OpenTelemetry, whose SDK reads them too, and others of its table beside them:
  // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

  /** Where spans go, `/v1/traces` added; without one there are no traces. */
  @IsHttpUrl() readonly OTEL_EXPORTER_OTLP_ENDPOINT: string = '';

  /** The same, as it stands. */
  @IsHttpUrl() readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string = '';

  @IsIn(['http/protobuf'], ONLY_PROTOBUF) readonly OTEL_EXPORTER_OTLP_PROTOCOL: string = 'http/protobuf';

  @IsIn(['http/protobuf'], ONLY_PROTOBUF) readonly OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: string = 'http/protobuf';

  /** `none` turns them off whatever the endpoint. */
  @IsIn(['otlp', 'none']) readonly OTEL_TRACES_EXPORTER: string = 'otlp';

  /** Which requests are traced; by default all, and where the client already has a trace, those that it samples. */
  @IsIn(SAMPLERS) readonly OTEL_TRACES_SAMPLER: string = 'parentbased_always_on';

  @IsBoolean() readonly OTEL_SDK_DISABLED: boolean = false;
}

/** What the environment says of one variable, as the type its default has; text that does not fit stays text and fails its rule. */
function typed(text: string, fallback: unknown): unknown {
  if (typeof fallback === 'number') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (typeof fallback === 'boolean') return { on: true, true: true, '1': true, off: false, false: false, '0': false }[text] ?? text;
  return text;
}

/** What an address has in front of its host is a password, and this goes into a log. */
function shown(value: unknown): string {
  return String(value).replace(/^.*@/s, '***@');
}

/**
 * Reads, types and checks the environment, once.
 * @throws Error that names every bad variable, its value and its rule.
 */
export function readEnvironment(source: NodeJS.ProcessEnv): Readonly<Environment> {
  const environment = new Environment();
  const defaults = new Map(Object.entries(environment));
  const given: Record<string, unknown> = {};
  for (const name of defaults.keys()) {
    const text = source[name]?.trim();
    if (text) given[name] = typed(text, defaults.get(name));
  }
  Object.assign(environment, given);
  const faults = validateSync(environment);
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.property}=${shown(fault.value)}: ${Object.values(fault.constraints ?? {}).join('; ')}`);
    throw new Error(`The environment is not valid:\n${lines.join('\n')}`);
  }
  return Object.freeze(environment);
}
