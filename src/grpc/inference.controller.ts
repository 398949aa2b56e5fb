// inference.GRPCInferenceService: the Open Inference Protocol over gRPC.
import { fromJson, type DescMessage, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { Controller, UseFilters } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Caller } from '../access/caller.js';
import { Needs, Open } from '../access/needs.js';
import { Environment } from '../config/environment.js';
import { noSuchModel } from '../errors.js';
import { ReadinessCheck } from '../health/readiness-check.js';
import { InferenceService } from '../inference/inference.service.js';
import type { Model } from '../models/model.js';
import { ModelManager } from '../models/model-manager.js';
import { ModelRegistry } from '../models/model-registry.js';
import { modelConfig, modelMetadata, SERVER } from '../oip/description.js';
import { FROM_THE_REPOSITORY, notImplemented } from '../oip/parameters.js';
import { modelStats } from '../oip/statistics.js';
import { CallerParam } from './guarded-call.js';
import type { InferRequest } from './infer.pipe.js';
import { Infer } from './infer.pipe.js';
import { inferResponse } from './infer-response.js';
import * as pb from './inference_pb.js';
import { Message } from './message.js';
import { StatusFilter } from './status.filter.js';

const SERVICE = 'GRPCInferenceService';

@Controller()
@UseFilters(StatusFilter)
export class GrpcInferenceController {
  constructor(
    private readonly models: ModelRegistry,
    private readonly manager: ModelManager,
    private readonly environment: Environment,
    private readonly inference: InferenceService,
    private readonly readiness: ReadinessCheck,
  ) {}

  @GrpcMethod(SERVICE, 'ServerLive')
  @Open()
  live(): pb.ServerLiveResponse {
    return message(pb.ServerLiveResponseSchema, { live: true });
  }

  @GrpcMethod(SERVICE, 'ServerReady')
  @Open()
  async ready(): Promise<pb.ServerReadyResponse> {
    return message(pb.ServerReadyResponseSchema, { ready: await this.readiness.ready() });
  }

  /** False where there is no such model: clients ask with yes or no. */
  @GrpcMethod(SERVICE, 'ModelReady')
  @Needs('models:read', 'own')
  modelReady(
    @Message(pb.ModelReadyRequestSchema) { name, version }: pb.ModelReadyRequest,
    @CallerParam() { grants }: Caller,
  ): pb.ModelReadyResponse {
    const versions = version === '' ? this.models.versions(name) : [this.models.find(name, version)];
    const ready = grants.covers('models:read', name) && versions.some((model) => (model?.instances.alive.ready ?? 0) > 0);
    return message(pb.ModelReadyResponseSchema, { ready });
  }

  @GrpcMethod(SERVICE, 'ServerMetadata')
  @Needs('models:read', 'own')
  metadata(): pb.ServerMetadataResponse {
    return message(pb.ServerMetadataResponseSchema, SERVER);
  }

  @GrpcMethod(SERVICE, 'ModelMetadata')
  @Needs('models:read')
  async modelMetadata(
    @Message(pb.ModelMetadataRequestSchema) { name, version }: pb.ModelMetadataRequest,
  ): Promise<pb.ModelMetadataResponse> {
    await this.manager.wake(name);
    const model = this.models.resolve(name, version || undefined);
    return message(pb.ModelMetadataResponseSchema, modelMetadata(model, this.models.versions(name)));
  }

  @GrpcMethod(SERVICE, 'ModelInfer')
  @Needs('predict')
  async infer(@Infer() request: InferRequest): Promise<pb.ModelInferResponse> {
    const { lease, input, outputs, call, record } = request;
    try {
      const { name } = lease.model;
      const prediction = await this.inference.predict({ name, model: lease.model }, input, outputs, call);
      if (record) record.timings = prediction.timings;
      return inferResponse(request, prediction);
    } finally {
      lease.release();
    }
  }

  @GrpcMethod(SERVICE, 'ModelConfig')
  @Needs('models:read')
  async config(@Message(pb.ModelConfigRequestSchema) { name, version }: pb.ModelConfigRequest): Promise<pb.ModelConfigResponse> {
    await this.manager.wake(name);
    const config = modelConfig(this.models.resolve(name, version || undefined), this.models.served(name).routing.policy);
    return message(pb.ModelConfigResponseSchema, { config });
  }

  @GrpcMethod(SERVICE, 'ModelStatistics')
  @Needs('models:read', 'own')
  statistics(
    @Message(pb.ModelStatisticsRequestSchema) { name, version }: pb.ModelStatisticsRequest,
    @CallerParam() { grants }: Caller,
  ): pb.ModelStatisticsResponse {
    if (name !== '' && !grants.covers('models:read', name)) throw noSuchModel(name);
    const models = name === '' ? this.models.all.filter((model) => grants.covers('models:read', model.name)) : this.#named(name, version);
    return message(pb.ModelStatisticsResponseSchema, { model_stats: models.map(modelStats) });
  }

  /** None of one that sleeps. @throws NestorError MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
  #named(name: string, version: string): readonly Model[] {
    if (this.manager.sleeps(name)) return [];
    return version === '' ? this.models.served(name).versions : [this.models.resolve(name, version)];
  }

  @GrpcMethod(SERVICE, 'RepositoryIndex')
  @Needs('models:read', 'own')
  index(
    @Message(pb.RepositoryIndexRequestSchema) { ready }: pb.RepositoryIndexRequest,
    @CallerParam() { grants }: Caller,
  ): pb.RepositoryIndexResponse {
    const own = this.manager.index.filter(({ name }) => grants.covers('models:read', name));
    return message(pb.RepositoryIndexResponseSchema, { models: own.filter(({ state }) => !ready || state === 'READY') });
  }

  @GrpcMethod(SERVICE, 'RepositoryModelLoad')
  @Needs('admin')
  async load(
    @Message(pb.RepositoryModelLoadRequestSchema) { modelName, parameters }: pb.RepositoryModelLoadRequest,
  ): Promise<pb.RepositoryModelLoadResponse> {
    this.#administrators('RepositoryModelLoad');
    const [name] = Object.keys(parameters);
    if (name !== undefined) throw notImplemented(`parameters.${name}`, FROM_THE_REPOSITORY);
    await this.manager.load(modelName);
    return message(pb.RepositoryModelLoadResponseSchema, {});
  }

  @GrpcMethod(SERVICE, 'RepositoryModelUnload')
  @Needs('admin')
  async unload(
    @Message(pb.RepositoryModelUnloadRequestSchema) { modelName }: pb.RepositoryModelUnloadRequest,
  ): Promise<pb.RepositoryModelUnloadResponse> {
    this.#administrators('RepositoryModelUnload');
    await this.manager.unload(modelName);
    return message(pb.RepositoryModelUnloadResponseSchema, {});
  }

  /** @throws NestorError NOT_IMPLEMENTED, as if there were no such method. */
  #administrators(method: string): void {
    if (!this.environment.ADMIN_API) throw notImplemented(method, `${method} is not served while ADMIN_API is off`);
  }
}

/** The messages' JSON is what REST answers. */
function message<S extends DescMessage>(schema: S, json: object): MessageShape<S> {
  return fromJson(schema, json as JsonValue);
}
