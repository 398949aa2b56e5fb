// Deadlines that are farther away than a timer reaches.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

type Verify = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

const HEADER = 'grpc-timeout';
/** As the library reads it; shorter units do not reach so far. */
const TIMEOUT = /(\d{1,8})\s*([HMS])/;
const SECONDS: Readonly<Record<string, number>> = { H: 3600, M: 60, S: 1 };
/** In whole seconds, what 31 bits hold in milliseconds: 24.8 days. */
const LONGEST_SECONDS = 2_147_483;

/** Over a method that sees the headers first: the library counts in 32 bits, where 25 to 50 days are a time that has passed. */
export function boundDeadlines(server: Server): void {
  const library = server as unknown as { _verifyContentType: Verify };
  const verify = library._verifyContentType.bind(server);
  library._verifyContentType = (stream, headers) => {
    const given = headers[HEADER];
    if (given !== undefined) headers[HEADER] = bounded(String(given));
    return verify(stream, headers);
  };
}

function bounded(timeout: string): string {
  const [, count, unit = ''] = TIMEOUT.exec(timeout) ?? [];
  return Number(count) * (SECONDS[unit] ?? 0) > LONGEST_SECONDS ? `${LONGEST_SECONDS}S` : timeout;
}
