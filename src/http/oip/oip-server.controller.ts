// /v2: the server itself, as the Open Inference Protocol asks about it.
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { invalid, NestorError } from '../../errors.js';
import { ReadinessCheck } from '../../health/readiness-check.js';
import { Readiness } from '../../health/readiness.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { parseJson } from '../codecs/json-text.js';
import { bytesOfBody, ExchangeParam, type Exchange } from '../exchange.js';
import { ApiOipErrors } from '../problem.docs.js';
import { repositoryIndex, SERVER, serverVersion, type IndexEntry } from '../../oip/description.js';
import { notImplemented } from '../../oip/parameters.js';
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

  @Post('repository/index')
  @HttpCode(200)
  @ApiOperation({ summary: 'All versions of all models, with their states' })
  @ApiBody({
    required: false,
    schema: { type: 'object', properties: { ready: { type: 'boolean', description: 'Only those that can be run now.' } } },
    examples: { ready: { summary: 'Only what is ready', value: { ready: true } } },
  })
  @ApiOkResponse({ description: 'One entry a version.' })
  @ApiOipErrors(400, 413, 415)
  index(@ExchangeParam() { request }: Exchange): IndexEntry[] {
    return repositoryIndex(this.models.all, readyOnly(bytesOfBody(request)));
  }

  // Out of the document until there is something that they do.
  @Post('repository/models/:model/load')
  @ApiExcludeEndpoint()
  load(@Param('model') name: string): never {
    throw notImplemented('model', `${JSON.stringify(name)} is not loaded: models are loaded when the server starts`);
  }

  @Post('repository/models/:model/unload')
  @ApiExcludeEndpoint()
  unload(@Param('model') name: string): never {
    throw notImplemented('model', `${JSON.stringify(name)} is not unloaded: models serve until the server stops`);
  }
}

/** The body is optional, and clients send an empty one. */
function readyOnly(bytes: Buffer): boolean {
  const body = bytes.byteLength > 0 ? parseJson(bytes, false) : {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'The body must be a JSON object');
  const { ready = false } = body as { ready?: unknown };
  if (typeof ready !== 'boolean') throw invalid('ready', 'ready must be true or false');
  return ready;
}
