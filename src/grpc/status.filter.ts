// Everything that a handler throws -> the status of the call; nothing of the inside leaves.
import { Catch, Logger, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import { AuditLog } from '../access/audit-log.js';
import { Denial } from '../access/denial.js';
import { ERRORS, reasonOf } from '../errors.js';
import { visitOf } from './guarded-call.js';
import { REQUEST_ID } from './observed-call.js';
import { nestorErrorOf, statusOf } from './status.js';

@Catch()
export class StatusFilter implements RpcExceptionFilter {
  readonly #logger = new Logger(StatusFilter.name);

  constructor(private readonly audit: AuditLog) {}

  catch(thrown: unknown, host: ArgumentsHost): Observable<never> {
    const error = nestorErrorOf(thrown);
    const call = host.getArgByIndex<ServerUnaryCall<unknown, unknown>>(2);
    if (error instanceof Denial) this.audit.denied(error, visitOf(call.getPath(), call.metadata, call.getPeer()));
    if (ERRORS[error.code].grpcStatus === 'INTERNAL') {
      const [requestId] = host.getArgByIndex<Metadata>(1).get(REQUEST_ID);
      this.#logger.error({ err: error.cause ?? error, requestId, code: error.code }, reasonOf(error.cause ?? error));
    }
    return throwError(() => statusOf(error));
  }
}
