// What every call carries and leaves behind, whatever its method: id, one observation, words for what the transport refuses.
import { ServerInterceptingCall, status, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { NOBODY } from '../access/caller.js';
import { KNOWN_CALLER } from '../access/needs.js';
import { ERRORS, NestorError, type ErrorCode } from '../errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import { requestId } from '../telemetry/request-id.js';
import type { Duration, RequestLog, ServedRequest } from '../telemetry/request-log.js';
import { endTrace } from '../telemetry/request-trace.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { traceparent, type Tracer } from '../telemetry/tracer.js';
import type { Tenants } from '../tenants/tenants.js';
import type { Arrivals } from './arrivals.js';
import { callRecords, type CallRecord } from './call-record.js';
import { decompressByPiece } from './decompression.js';
import { decodeInPlace } from './frame-decoder.js';
import { answerInTurn } from './in-turn.js';
import { sendLargeAsIs } from './large-answers.js';
import { CODE_TRAILER, statusOf } from './status.js';
import { endBehindStatus, hasEnded, streamOf } from './stream.js';

type Ending = Parameters<ServerInterceptingCall['sendStatus']>[0];

export const REQUEST_ID = 'x-request-id';

/** Statuses that @grpc/grpc-js sends by itself, by a part of their text. */
const REFUSALS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/larger than/, 'PAYLOAD_TOO_LARGE', 'The message is too large: it may have %d bytes, decompressed'],
  [/decompress message/, 'INVALID_REQUEST', 'The message is not compressed as grpc-encoding says'],
  [/grpc-timeout/, 'INVALID_REQUEST', 'grpc-timeout is a number of at most 8 digits and one of H, M, S, m, u, n'],
  [/unsupported encoding/, 'NOT_IMPLEMENTED', 'The grpc-encoding is not supported; send identity, gzip or deflate'],
  [/request message/, 'NOT_IMPLEMENTED', 'The method takes one message, no fewer and no more'],
  [/Deadline exceeded/, 'DEADLINE_EXCEEDED', 'The deadline has passed'],
];

/** Methods that run a model: they are traced, which probes would only bury, and count for quotas. */
const RUNS = '/ModelInfer';
/** Brings files in Triton's protocol. */
const LOADS = '/RepositoryModelLoad';
/** Of one call it answers as many messages as the client likes. */
const REFLECTION = '/grpc.reflection.';
/** Of the messages of all other methods, which hold a name or nothing: some of those methods are open to everybody. */
const SMALL_BYTES = 4 * 1024;

/** Before anybody has asked who calls. */
const UNASKED = { caller: NOBODY, need: KNOWN_CALLER, timeline: null, timings: null };

/** What is told of a call, and who is asked whether it is traced. */
export interface Observers {
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly log: RequestLog;
  readonly tenants: Tenants;
  readonly usage: TenantMetrics;
  /** Key of the metadata that names the tenant; empty: nobody does. */
  readonly tenantKey: string;
  readonly arrivals: Arrivals;
}

/** @param most bytes of a message. */
export function observeCalls({ metrics, tracer, log, tenants, usage, tenantKey, arrivals }: Observers, most: number): ServerInterceptor {
  return ({ path, responseStream }, call) => {
    const started = performance.now();
    const runs = path.endsWith(RUNS);
    const limit = runs || path.endsWith(LOADS) ? most : Math.min(most, SMALL_BYTES);
    let id = '';
    let ending: Ending | undefined;
    let halfClosed = false;
    let record: CallRecord = { tenant: undefined, trace: undefined, ...UNASKED };
    const tell = (metadata: Metadata): void => {
      const tenant = runs ? tenants.of(record.tenant) : undefined;
      if (tenant?.policies === undefined) return;
      metadata.set('ratelimit-policy', tenant.policies);
      metadata.set('ratelimit', tenant.limits);
    };
    const send = call.sendStatus.bind(call);
    // Over its method, and not as an interceptor: past all interceptors the transport calls it on itself when it refuses something.
    const sendStatus: typeof call.sendStatus = (given) => {
      // It was cancelled, whatever is said of the write that failed for it.
      if (hasEnded(call)) {
        send(given);
        return;
      }
      ending ??= explained(given, id, limit);
      if (ending.metadata && ending.code !== status.OK) tell(ending.metadata);
      arrivals.expectReader(call);
      send(ending);
    };
    call.sendStatus = sendStatus;
    decodeInPlace(call, limit);
    decompressByPiece(call, limit, arrivals);
    if (runs) sendLargeAsIs(call);
    const onReceiveMessage = path.startsWith(REFLECTION) ? answerInTurn(call) : undefined;
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, proceed) => {
            id = requestId(metadata.get(REQUEST_ID)[0]);
            metadata.set(REQUEST_ID, id);
            const trace = runs ? tracer.begin(path.slice(1), carrierOf(metadata), started) : undefined;
            const tenant = tenantKey === '' ? undefined : String(metadata.get(tenantKey)[0] ?? '');
            record = { tenant, trace, ...UNASKED };
            callRecords.set(metadata, record);
            arrivals.expectMessage(call);
            proceed(metadata);
          },
          ...(onReceiveMessage && { onReceiveMessage }),
          onReceiveHalfClose: (proceed) => {
            halfClosed = true;
            arrivals.done(call);
            proceed();
          },
          // The end of every call, in whatever way.
          onCancel: () => {
            arrivals.done(call);
            if (!halfClosed) endBehindStatus(streamOf(call));
            const code = ending?.code ?? status.CANCELLED;
            const totalMs = performance.now() - started;
            const failure = code === status.OK ? null : failureOf(ending);
            metrics.requestDuration.labels(path, status[code]).observe(totalMs / 1000, record.trace?.id);
            if (failure) metrics.rejected.labels(failure).inc();
            if (failure && record.tenant !== undefined) usage.rejected(tenants.of(record.tenant).label, failure);
            const served = servedCall(id, path, code, failure, { startedAt: started, totalMs }, record);
            log.record(served);
            if (record.trace) endTrace(record.trace, served, rpcAttributes(served), failure !== null && ERRORS[failure].httpStatus >= 500);
          },
        });
      },
      sendMetadata: (metadata, proceed) => {
        metadata.set(REQUEST_ID, id);
        tell(metadata);
        if (record.trace) metadata.set('traceresponse', traceparent(record.trace));
        proceed(metadata);
      },
      // A large answer is on its way for as long as its reader likes, and its status comes behind it. Streams end when they are told to.
      sendMessage: (message, proceed) => {
        if (!responseStream) arrivals.expectReader(call);
        proceed(message);
      },
    });
  };
}

function carrierOf(metadata: Metadata) {
  const first = (name: string): string | undefined => metadata.get(name)[0]?.toString();
  return { traceparent: first('traceparent'), tracestate: first('tracestate') };
}

/** A call that ended without a status was cancelled. */
function failureOf(ending: Ending | undefined): ErrorCode {
  const code = ending ? String(ending.metadata?.get(CODE_TRAILER)[0]) : 'CANCELLED';
  return code in ERRORS ? (code as ErrorCode) : 'INTERNAL';
}

function servedCall(
  id: string,
  path: string,
  code: status,
  failure: ErrorCode | null,
  duration: Duration,
  record: CallRecord,
): ServedRequest {
  const { timeline, timings, trace } = record;
  const asked = { model: named(record.model), version: named(record.version), contentLength: undefined };
  return { id, method: 'gRPC', route: path, status: code, failure, ...duration, timings, timeline, traceId: trace?.id, ...asked };
}

/** What Protobuf has for a name that was not given is the empty one. */
function named(name: string | undefined): string | undefined {
  return name === '' ? undefined : name;
}

/** https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
function rpcAttributes({ route = '', status: code }: ServedRequest) {
  return { 'rpc.system': 'grpc', 'rpc.method': route.slice(1), 'rpc.grpc.status_code': code };
}

function explained(given: Ending, id: string, limit: number): Ending {
  const { code, details } = given;
  if (code === status.OK) return given;
  const known = given.metadata?.get(CODE_TRAILER).length ? given : statusOf(refusal(details, limit));
  known.metadata?.set(REQUEST_ID, id);
  return known;
}

function refusal(details: string, limit: number): NestorError {
  const [, code, message] = REFUSALS.find(([pattern]) => pattern.test(details)) ?? [];
  return new NestorError(code ?? 'INTERNAL', (message ?? ERRORS.INTERNAL.title).replace('%d', String(limit)));
}
