// /v2: the server itself, as the Open Inference Protocol asks about it.
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs, Open } from '../../access/needs.js';
import type { Caller } from '../../access/caller.js';
import { NestorError } from '../../errors.js';
import { ReadinessCheck } from '../../health/readiness-check.js';
import { Readiness } from '../../health/readiness.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { CallerParam } from '../access.js';
import { ApiOipErrors } from '../problem.docs.js';
import { SERVER } from '../../oip/description.js';
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
  @Needs('models:read', 'own')
  @ApiOperation({ summary: 'Name, version and extensions of the server' })
  @ApiOkResponse({ description: 'What the server is.' })
  metadata(): object {
    return SERVER;
  }

  @Get('health/live')
  @Open()
  @ApiOperation({ summary: 'Does the process answer?' })
  @ApiOkResponse({ description: 'It does.' })
  live(): { live: true } {
    return { live: true };
  }

  @Get('health/ready')
  @Open()
  @ApiOperation({ summary: 'May the process be sent traffic?' })
  @ApiOkResponse({ description: 'It may.' })
  @ApiOipErrors(503)
  async ready(): Promise<{ ready: true }> {
    if (await this.check.ready()) return { ready: true };
    if (this.readiness.draining) throw new NestorError('DRAINING', 'The server is shutting down', { retryAfter: 5 });
    throw new NestorError('MODEL_NOT_READY', 'The server is not ready; GET /health/ready says why', { retryAfter: 5 });
  }

  @Get('models')
  @Needs('models:read', 'own')
  @ApiOperation({ summary: 'Names of all models' })
  @ApiOkResponse({ description: 'Each once, whatever its versions.' })
  list(@CallerParam() { grants }: Caller): { models: string[] } {
    return { models: this.models.names.filter((name) => grants.covers('models:read', name)) };
  }

  @Get('models/stats')
  @Needs('models:read', 'own')
  @ApiOperation({ summary: 'Statistics of all models' })
  @ApiOkResponse({ description: 'One entry a version.' })
  stats(@CallerParam() { grants }: Caller): { model_stats: ModelStats[] } {
    return { model_stats: this.models.all.filter(({ name }) => grants.covers('models:read', name)).map(modelStats) };
  }
}
