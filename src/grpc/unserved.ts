// Calls of methods that there are not pass the interceptors as all others, and what is no gRPC ends with its answer.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { NestorError } from '../errors.js';
import { statusOf } from './status.js';
import { endBehindStatus } from './stream.js';

type Retrieve = (path: string) => object | null;
type Verify = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

/** Answers once the metadata are there, whatever kind of method the client takes it for. Its path is that of no client: it becomes a label. */
const UNKNOWN = {
  type: 'bidi',
  path: '_unknown',
  func: (call: ServerDuplexStream<Buffer, Buffer>) => call.emit('error', statusOf(noSuchMethod())),
  serialize: (bytes: Buffer) => bytes,
  deserialize: (bytes: Buffer) => bytes,
};

/** Over its methods: the library answers both before an interceptor has seen them, and leaves their streams for as long as the client likes. */
export function handleUnserved(server: Server): void {
  const library = server as unknown as { _retrieveHandler: Retrieve; _verifyContentType: Verify };
  const retrieve = library._retrieveHandler.bind(server);
  library._retrieveHandler = (path) => retrieve(path) ?? UNKNOWN;
  const verify = library._verifyContentType.bind(server);
  library._verifyContentType = (stream, headers) => {
    const is = verify(stream, headers);
    if (!is) endBehindStatus(stream);
    return is;
  };
}

function noSuchMethod(): NestorError {
  return new NestorError('NOT_IMPLEMENTED', 'The server does not implement this method; reflection lists those that there are');
}
