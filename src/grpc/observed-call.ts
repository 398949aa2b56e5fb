// What every call carries and leaves behind, whatever its method: id, one observation, words for what the transport refuses.
import { ServerInterceptingCall, status, type ServerInterceptor } from '@grpc/grpc-js';
import { ERRORS, NestorError, type ErrorCode } from '../errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import { requestId } from '../telemetry/request-id.js';
import { CODE_TRAILER, statusOf } from './status.js';

type Ending = Parameters<ServerInterceptingCall['sendStatus']>[0];

export const REQUEST_ID = 'x-request-id';

/** Statuses that @grpc/grpc-js sends by itself, by a part of their text. */
const REFUSALS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/larger than/, 'PAYLOAD_TOO_LARGE', 'The message is too large: it may have %d bytes, decompressed'],
  [/decompress message/, 'INVALID_REQUEST', 'The message is not compressed as grpc-encoding says'],
  [/grpc-timeout/, 'INVALID_REQUEST', 'grpc-timeout is a number of at most 8 digits and one of H, M, S, m, u, n'],
  [/unsupported encoding/, 'NOT_IMPLEMENTED', 'The grpc-encoding is not supported; send identity, gzip or deflate'],
  [/does not implement/, 'NOT_IMPLEMENTED', 'The server does not implement this method'],
  [/request message/, 'NOT_IMPLEMENTED', 'The method takes one message, no fewer and no more'],
  [/Deadline exceeded/, 'DEADLINE_EXCEEDED', 'The deadline has passed'],
];

/** @param limit bytes of a message, which errors name. */
export function observeCalls(metrics: Metrics, limit: number): ServerInterceptor {
  return ({ path }, call) => {
    const started = performance.now();
    let id = '';
    let ending: Ending | undefined;
    const send = call.sendStatus.bind(call);
    // Over its method, and not as an interceptor: past all interceptors the transport calls it on itself when it refuses something.
    call.sendStatus = (given) => {
      ending ??= explained(given, id, limit);
      send(ending);
    };
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, proceed) => {
            id = requestId(metadata.get(REQUEST_ID)[0]);
            metadata.set(REQUEST_ID, id);
            proceed(metadata);
          },
          // The end of every call, in whatever way.
          onCancel: () => {
            const code = ending?.code ?? status.CANCELLED;
            metrics.requestDuration.labels(path, status[code]).observe((performance.now() - started) / 1000);
            if (code !== status.OK) metrics.rejected.inc({ reason: ending ? String(ending.metadata?.get(CODE_TRAILER)[0]) : 'CANCELLED' });
          },
        });
      },
      sendMetadata: (metadata, proceed) => {
        metadata.set(REQUEST_ID, id);
        proceed(metadata);
      },
    });
  };
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
