// /v2/models/{model}: one model, as the Open Inference Protocol asks about it and runs it.
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Needs } from '../../access/needs.js';
import { NestorError } from '../../errors.js';
import { InferenceService } from '../../inference/inference.service.js';
import { ModelManager } from '../../models/model-manager.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { modelConfig, modelMetadata, type ModelConfig, type ModelMetadata } from '../../oip/description.js';
import type { Delivered } from '../exchange.js';
import type { InferRequest } from './infer.pipe.js';
import { Infer } from './infer.pipe.js';
import { DescribeInfer, DescribeModel } from './oip.docs.js';
import { modelStats, type ModelStats } from '../../oip/statistics.js';

@ApiTags('open inference protocol')
@Controller('v2/models/:model')
export class OipModelController {
  constructor(
    private readonly models: ModelRegistry,
    private readonly manager: ModelManager,
    private readonly inference: InferenceService,
  ) {}

  @Get()
  @Needs('models:read')
  @DescribeModel('Metadata of a model', false)
  async metadata(@Param('model') name: string, @Param('version') version?: string): Promise<ModelMetadata> {
    await this.manager.wake(name);
    return modelMetadata(this.models.resolve(name, version), this.models.versions(name));
  }

  @Get('versions/:version')
  @Needs('models:read')
  @DescribeModel('Metadata of a version', true)
  metadataOfVersion(@Param('model') name: string, @Param('version') version: string): Promise<ModelMetadata> {
    return this.metadata(name, version);
  }

  @Get('ready')
  @Needs('models:read')
  @DescribeModel('Can the model be run now?', false)
  ready(@Param('model') name: string, @Param('version') version?: string): { name: string; ready: true } {
    if (this.manager.sleeps(name))
      throw new NestorError('MODEL_NOT_READY', `The model is loaded by its first request, or by GET /v2/models/${name}`, { retryAfter: 5 });
    if (this.models.resolve(name, version).instances.alive.ready > 0) return { name, ready: true };
    throw new NestorError('MODEL_NOT_READY', 'No worker of the model is alive; they are being restarted', { retryAfter: 5 });
  }

  @Get('versions/:version/ready')
  @Needs('models:read')
  @DescribeModel('Can the version be run now?', true)
  readyVersion(@Param('model') name: string, @Param('version') version: string): { name: string; ready: true } {
    return this.ready(name, version);
  }

  @Get('config')
  @Needs('models:read')
  @DescribeModel('Configuration of a model', false)
  async config(@Param('model') name: string, @Param('version') version?: string): Promise<ModelConfig> {
    await this.manager.wake(name);
    return modelConfig(this.models.resolve(name, version), this.models.served(name).routing.policy);
  }

  @Get('versions/:version/config')
  @Needs('models:read')
  @DescribeModel('Configuration of a version', true)
  configOfVersion(@Param('model') name: string, @Param('version') version: string): Promise<ModelConfig> {
    return this.config(name, version);
  }

  @Get('stats')
  @Needs('models:read')
  @DescribeModel('Statistics of a model, all its versions', false)
  stats(@Param('model') name: string): { model_stats: ModelStats[] } {
    if (this.manager.sleeps(name)) return { model_stats: [] };
    this.models.resolve(name);
    return { model_stats: this.models.versions(name).map(modelStats) };
  }

  @Get('versions/:version/stats')
  @Needs('models:read')
  @DescribeModel('Statistics of a version', true)
  statsOfVersion(@Param('model') name: string, @Param('version') version: string): { model_stats: ModelStats[] } {
    if (this.manager.sleeps(name)) return { model_stats: [] };
    return { model_stats: [modelStats(this.models.resolve(name, version))] };
  }

  @Post('infer')
  @Needs('predict')
  @HttpCode(200)
  @DescribeInfer(false)
  async infer(@Infer() { ref, input, outputs, call, answer }: InferRequest): Promise<Delivered> {
    return answer(await this.inference.predict(ref, input, outputs, call));
  }

  @Post('versions/:version/infer')
  @Needs('predict')
  @HttpCode(200)
  @DescribeInfer(true)
  async inferVersion(@Infer() request: InferRequest): Promise<Delivered> {
    return this.infer(request);
  }
}
