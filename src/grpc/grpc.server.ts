// The transport: one gRPC server for the services, which leaves as the HTTP server does.
import { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { ServerGrpc } from '@nestjs/microservices';
import { AuditLog } from '../access/audit-log.js';
import { BodyRoom } from '../access/body-room.js';
import { Gate } from '../access/gate.js';
import { Tls } from '../access/tls.js';
import { Environment } from '../config/environment.js';
import { reasonOf } from '../errors.js';
import { Readiness } from '../health/readiness.js';
import { Metrics } from '../telemetry/metrics.js';
import { RequestLog } from '../telemetry/request-log.js';
import { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { Tracer } from '../telemetry/tracer.js';
import { Tenants } from '../tenants/tenants.js';
import { credentialsOf } from './credentials.js';
import { guardCalls } from './guarded-call.js';
import { GrpcHealthController } from './health.controller.js';
import { GrpcInferenceController } from './inference.controller.js';
import { needsOf } from './needs.js';
import { Arrivals } from './arrivals.js';
import { GrpcConnections, serverOptions } from './limits.js';
import { boundDeadlines } from './long-deadline.js';
import { observeCalls } from './observed-call.js';
import { fileDescriptors, packageDefinition, SERVICES } from './services.js';
import { handleUnserved } from './unserved.js';

type ReflectedPackage = ConstructorParameters<typeof ReflectionService>[0];

@Injectable()
export class GrpcServer extends ServerGrpc implements BeforeApplicationShutdown {
  readonly #server: Server;
  readonly #arrivals: Arrivals;
  readonly #connections: GrpcConnections;
  #closed: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;

  constructor(
    private readonly environment: Environment,
    private readonly readiness: Readiness,
    metrics: Metrics,
    tracer: Tracer,
    log: RequestLog,
    tenants: Tenants,
    usage: TenantMetrics,
    gate: Gate,
    audit: AuditLog,
    room: BodyRoom,
    private readonly tls: Tls,
  ) {
    const packages = SERVICES.map(({ file }) => file.proto.package);
    super({ package: packages, packageDefinition: packageDefinition(), gracefulShutdown: true });
    const { BODY_LIMIT_BYTES: limit, TENANT_HEADER } = environment;
    this.#arrivals = new Arrivals(environment.BODY_TIMEOUT_SECONDS, room);
    this.#connections = new GrpcConnections(environment, () => {
      metrics.rejected.labels('TOO_MANY_CONNECTIONS').inc();
    });
    const arrivals = this.#arrivals;
    const observe = observeCalls(
      { metrics, tracer, log, tenants, usage, tenantKey: gate.open ? TENANT_HEADER.toLowerCase() : '', arrivals },
      limit,
    );
    const needs = needsOf(SERVICES, [GrpcInferenceController, GrpcHealthController]);
    this.#server = new Server({ ...serverOptions(environment), interceptors: [observe, guardCalls({ gate, audit, needs })] });
    handleUnserved(this.#server);
    boundDeadlines(this.#server);
  }

  override createClient(): Promise<Server> {
    return Promise.resolve(this.#server);
  }

  /** Opens the port once there is somebody behind it. @throws Error that names GRPC_PORT when it cannot be had. */
  override async start(callback?: () => void): Promise<void> {
    await this.bindEvents();
    new ReflectionService(fileDescriptors() as unknown as ReflectedPackage).addToServer(this.#server);
    const host = this.environment.HOST.includes(':') ? `[${this.environment.HOST}]` : this.environment.HOST;
    const port = await this.#bind(`${host}:${this.environment.GRPC_PORT}`);
    this.#arrivals.watch();
    this.#unwatch = this.#connections.watch(port);
    const address = `${host}:${port}`;
    new Logger('Nestor').log(`gRPC server listening at ${address}`);
    this.readiness.leaving.addEventListener('abort', () => {
      this.#sendAway(address);
    });
    callback?.();
  }

  /** Begins to close while HTTP does, and not behind it. */
  beforeApplicationShutdown(): void {
    void this.close();
  }

  /** Resolves when calls in flight have ended. */
  override close(): Promise<void> {
    return (this.#closed ??= super.close().finally(() => {
      this.#arrivals.close();
      this.#unwatch?.();
    }));
  }

  #bind(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentialsOf(this.tls), (error, port) => {
        if (error) reject(new Error(`GRPC_PORT=${this.environment.GRPC_PORT}: ${reasonOf(error)}`));
        else resolve(port);
      });
    });
  }

  /** Asks clients to come back on a new connection, which the load balancer sends elsewhere; calls on the old ones end. */
  #sendAway(address: string): void {
    const { DRAIN_SECONDS, SHUTDOWN_GRACE_SECONDS } = this.environment;
    this.#server.drain(address, (DRAIN_SECONDS + SHUTDOWN_GRACE_SECONDS) * 1000);
  }
}
