// /v2: the server itself, as the Open Inference Protocol asks about it.
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NestorError } from '../../errors.js';
import { ReadinessCheck } from '../../health/readiness-check.js';
import { Readiness } from '../../health/readiness.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { ApiOipErrors } from '../problem.docs.js';
import { SERVER, serverVersion } from '../../oip/description.js';
import { modelStats, type ModelStats } from '../../oip/statistics.js';

@ApiTags('open inference protocol')
@Controller('v2')
export class OipServerController {
  constructor(
    private readonly models: ModelRegistry,
    private readonly readiness: Readiness,
    private readonly check: ReadinessCheck,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Name, version and extensions of the server' })
  @ApiOkResponse({ description: 'What the server is.' })
  metadata(): object {
    return { ...SERVER, version: serverVersion() };
  }

  @Get('health/live')
  @ApiOperation({ summary: 'Does the process answer?' })
  @ApiOkResponse({ description: 'It does.' })
  live(): { live: true } {
    return { live: true };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'May the process be sent traffic?' })
  @ApiOkResponse({ description: 'It may.' })
  @ApiOipErrors(503)
  async ready(): Promise<{ ready: true }> {
    if (await this.check.ready()) return { ready: true };
    if (this.readiness.draining) throw new NestorError('DRAINING', 'The server is shutting down', { retryAfter: 5 });
    throw new NestorError('MODEL_NOT_READY', 'The server is not ready; GET /health/ready says why', { retryAfter: 5 });
  }

  @Get('models')
  @ApiOperation({ summary: 'Names of all models' })
  @ApiOkResponse({ description: 'Each once, whatever its versions.' })
  list(): { models: string[] } {
    return { models: [...new Set(this.models.all.map(({ name }) => name))] };
  }

  @Get('models/stats')
  @ApiOperation({ summary: 'Statistics of all models' })
  @ApiOkResponse({ description: 'One entry a version.' })
  stats(): { model_stats: ModelStats[] } {
    return { model_stats: this.models.all.map(modelStats) };
  }
}
