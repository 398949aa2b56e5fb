// Everything that is thrown -> the answer that the client of this route understands; nothing of the inside leaves.
import { Catch, HttpException, Logger, ServiceUnavailableException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AuditLog } from '../access/audit-log.js';
import { NOBODY } from '../access/caller.js';
import { Denial } from '../access/denial.js';
import { ERRORS, NestorError, reasonOf, type ErrorCode } from '../errors.js';
import { Metrics } from '../telemetry/metrics.js';
import { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { Tenants } from '../tenants/tenants.js';
import { visitOf } from './access.js';
import { CODINGS } from './content-encoding.js';
import { dialectOf, type Dialect } from './dialects.js';
import { observeRefused, type Observers } from './hooks.js';
import { pathOf } from './request-path.js';
import { RouteTable } from './route-table.js';

/** Codes for the failures of the framework, by the status that it gives them. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_REQUEST',
  // Of a file of the pages that nobody may see; what may not be seen is not there.
  403: 'NOT_FOUND',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URL_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  503: 'DRAINING',
};

/** What the framework finds wrong with a request and does not name. */
const FIELDS: Readonly<Record<number, string>> = { 413: 'body', 415: 'Content-Type' };

/** https://www.rfc-editor.org/rfc/rfc6750#section-3 */
const CHALLENGE = 'Bearer realm="nestor"';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger(ProblemFilter.name);

  constructor(
    private readonly metrics: Metrics,
    private readonly routes: RouteTable,
    private readonly tenants: Tenants,
    private readonly usage: TenantMetrics,
    private readonly audit: AuditLog,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const path = pathOf(request.url);
    // Terminus throws its report as an exception: it is the answer of a probe that says no.
    if (thrown instanceof ServiceUnavailableException && path.startsWith('/health')) {
      void reply.code(thrown.getStatus()).send(thrown.getResponse());
      return;
    }
    // Every route that there is goes into the answer: not for one that was found, of those that are refused by the thousand.
    const methods = request.is404 ? this.routes.methodsOf(path) : [request.method];
    // Fastify looks at the body before it finds that the path has no such method: whatever it says of the body, that comes first.
    const isWrong = methods.length > 0 && !methods.includes(request.method);
    if (isWrong) void reply.header('Allow', methods.join(', '));
    const error = isWrong ? wrongMethod(request.method, methods) : nestorErrorOf(thrown, request);
    const dialect = dialectOf(path, methods.length > 0);
    const refused = !isProbeAnswer(error, request);
    if (refused) this.metrics.rejected.labels(error.code).inc();
    if (refused && request.tenant !== undefined) this.usage.rejected(this.tenants.of(request.tenant).label, error.code);
    request.failure = error.code;
    if (ERRORS[error.code].httpStatus === 500)
      this.#logger.error(
        { err: error.cause ?? error, requestId: request.id, trace_id: request.trace?.id, code: error.code },
        reasonOf(error.cause ?? error),
      );
    if (error instanceof Denial) {
      this.audit.denied(error, visitOf(request));
      // For whatever comes behind: nothing was done in their name.
      request.caller = NOBODY;
    }
    if (reply.sent || reply.raw.destroyed) return;
    if (error.code === 'UNAUTHENTICATED') void reply.header('WWW-Authenticate', CHALLENGE);
    if (error.field === 'Content-Encoding') void reply.header('Accept-Encoding', Object.keys(CODINGS).join(', '));
    if (error.retryAfter !== undefined) void reply.header('Retry-After', Math.ceil(error.retryAfter));
    answer(error, dialect, request, reply);
  }
}

const MODEL_READY = /^\/v2\/models\/:model(\/versions\/:version)?\/ready$/;

/** Routes that are open to all are probes, and so is whether a model is ready: one that says no has turned nobody away. */
function isProbeAnswer({ code }: NestorError, { routeOptions }: FastifyRequest): boolean {
  return (routeOptions.config.need === 'open' || MODEL_READY.test(routeOptions.url ?? '')) && ERRORS[code].httpStatus === 503;
}

function answer(error: NestorError, { statusOf, mediaType, bodyOf }: Dialect, request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .code(statusOf(error))
    .header('Content-Type', mediaType)
    .send(JSON.stringify(bodyOf(error, request)));
}

function nestorErrorOf(thrown: unknown, request: FastifyRequest): NestorError {
  if (thrown instanceof NestorError) return thrown;
  const status = thrown instanceof HttpException ? thrown.getStatus() : ((thrown as { statusCode?: number } | null)?.statusCode ?? 500);
  const code = BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'INVALID_REQUEST' : undefined);
  if (!code) return new NestorError('INTERNAL', ERRORS.INTERNAL.title, { cause: thrown });
  if (code === 'NOT_FOUND')
    return new NestorError(
      code,
      `There is no route ${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200) ?? ''}. GET /docs shows those that there are`,
    );
  const field = FIELDS[status];
  return new NestorError(code, reasonOf(thrown), { cause: thrown, ...(field && { field }) });
}

function wrongMethod(method: string, methods: readonly string[]): NestorError {
  return new NestorError('METHOD_NOT_ALLOWED', `This route has no ${method}; it has ${methods.join(', ')}`);
}

/** Fastify's words are about itself. */
const WORDS: Partial<Record<ErrorCode, string>> = {
  URL_TOO_LONG: 'A part of the path is too long',
  INVALID_REQUEST: 'The path is not percent-encoded UTF-8',
};

/** What Fastify refuses before any route is found, such as a URL that cannot be decoded. */
export function frameworkProblem(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply, observers: Observers): void {
  const { code, message } = nestorErrorOf(thrown, request);
  const error = new NestorError(code, WORDS[code] ?? message, { field: 'url' });
  observeRefused(request, reply, code, observers);
  answer(error, dialectOf(pathOf(request.url), false), request, reply);
}
