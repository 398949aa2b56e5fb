// Everything that a handler throws -> the status of the call; nothing of the inside leaves.
import { Catch, Logger, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import { ERRORS, reasonOf } from '../errors.js';
import { REQUEST_ID } from './observed-call.js';
import { nestorErrorOf, statusOf } from './status.js';

@Catch()
export class StatusFilter implements RpcExceptionFilter {
  readonly #logger = new Logger(StatusFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): Observable<never> {
    const error = nestorErrorOf(thrown);
    if (ERRORS[error.code].grpcStatus === 'INTERNAL') {
      const [requestId] = host.getArgByIndex<Metadata>(1).get(REQUEST_ID);
      this.#logger.error({ err: error.cause ?? error, requestId, code: error.code }, reasonOf(error.cause ?? error));
    }
    return throwError(() => statusOf(error));
  }
}
