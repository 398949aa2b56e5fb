// grpc.health.v1.Health: readiness, for Kubernetes' gRPC probes and for clients that balance their load themselves.
import { create } from '@bufbuild/protobuf';
import { Controller, UseFilters, type BeforeApplicationShutdown } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import {
  concatMap,
  distinctUntilChanged,
  fromEvent,
  map,
  merge,
  of,
  share,
  startWith,
  Subject,
  takeUntil,
  timer,
  type Observable,
} from 'rxjs';
import { Open } from '../access/needs.js';
import { NestorError } from '../errors.js';
import { ReadinessCheck } from '../health/readiness-check.js';
import { Readiness } from '../health/readiness.js';
import { HealthCheckRequestSchema, HealthCheckResponse_ServingStatus as Status, HealthCheckResponseSchema } from './health_pb.js';
import type { HealthCheckRequest, HealthCheckResponse } from './health_pb.js';
import { GRPCInferenceService } from './inference_pb.js';
import { Message } from './message.js';
import { StatusFilter } from './status.filter.js';

/** Services that clients may ask about; the empty one is the server. */
const KNOWN = ['', GRPCInferenceService.typeName];
/** How often watchers make the conditions of readiness be looked at. */
const LOOK_AGAIN_MS = 1000;

@Controller()
@UseFilters(StatusFilter)
export class GrpcHealthController implements BeforeApplicationShutdown {
  readonly #closing = new Subject<void>();
  /** One look a second, however many watch, and one when the server is told to leave. */
  readonly #looks: Observable<unknown>;

  constructor(
    private readonly check: ReadinessCheck,
    { leaving }: Readiness,
  ) {
    this.#looks = merge(timer(LOOK_AGAIN_MS, LOOK_AGAIN_MS), fromEvent(leaving, 'abort')).pipe(share());
  }

  @GrpcMethod('Health', 'Check')
  @Open()
  async status(@Message(HealthCheckRequestSchema) { service }: HealthCheckRequest): Promise<HealthCheckResponse> {
    if (!KNOWN.includes(service))
      throw new NestorError('NOT_FOUND', `There is no service ${JSON.stringify(service)}`, { field: 'service' });
    return response(await this.#status());
  }

  /** Ends when the server closes: it would wait for its watchers else. */
  @GrpcMethod('Health', 'Watch')
  @Open()
  watch(@Message(HealthCheckRequestSchema) { service }: HealthCheckRequest): Observable<HealthCheckResponse> {
    const statuses = KNOWN.includes(service)
      ? this.#looks.pipe(
          startWith(undefined),
          concatMap(() => this.#status()),
        )
      : merge(of(Status.SERVICE_UNKNOWN), this.#looks.pipe(map(() => Status.SERVICE_UNKNOWN)));
    return statuses.pipe(distinctUntilChanged(), map(response), takeUntil(this.#closing));
  }

  beforeApplicationShutdown(): void {
    this.#closing.next();
  }

  async #status(): Promise<Status> {
    return (await this.check.ready()) ? Status.SERVING : Status.NOT_SERVING;
  }
}

function response(status: Status): HealthCheckResponse {
  return create(HealthCheckResponseSchema, { status });
}
