// /v2/repository: which models there are, and those that come and go while the server runs.
import { Controller, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../../access/needs.js';
import { ModelManager } from '../../models/model-manager.js';
import type { ModelState } from '../../models/model-states.js';
import { AdminGuard } from '../admin.guard.js';
import { bytesOfBody, ExchangeParam, type Exchange } from '../exchange.js';
import { ApiOipErrors } from '../problem.docs.js';
import { ModelPath } from './oip.docs.js';
import { readyOnly, refuseContents } from './repository-request.js';

const EMPTY_BODY = {
  required: false,
  schema: { type: 'object' as const, additionalProperties: true },
  examples: { empty: { summary: 'digits: what clients send', value: {} } },
};

@ApiTags('open inference protocol')
@Controller('v2/repository')
export class OipRepositoryController {
  constructor(private readonly models: ModelManager) {}

  @Post('index')
  @Needs('models:read', 'own')
  @HttpCode(200)
  @ApiOperation({ summary: 'All versions of all models, with their states' })
  @ApiBody({
    required: false,
    schema: { type: 'object', properties: { ready: { type: 'boolean', description: 'Only those that can be run now.' } } },
    examples: { ready: { summary: 'Only what is ready', value: { ready: true } } },
  })
  @ApiOkResponse({ description: 'One entry a version; the reason says why one is not loaded.' })
  @ApiOipErrors(400, 413, 415)
  async index(@ExchangeParam() { request }: Exchange): Promise<readonly ModelState[]> {
    const ready = await readyOnly(bytesOfBody(request));
    const { grants } = request.caller;
    return this.models.index.filter(({ name, state }) => grants.covers('models:read', name) && (!ready || state === 'READY'));
  }

  @Post('models/:model/load')
  @Needs('admin')
  @HttpCode(200)
  @UseGuards(AdminGuard)
  @ApiOperation({
    summary: 'Load a model, or what is new of it',
    description: 'Answers once its new and changed versions serve. With ADMIN_API only.',
  })
  @ModelPath(false)
  @ApiBody(EMPTY_BODY)
  @ApiOkResponse({ description: 'What the folder of the model says, serves.' })
  @ApiOipErrors(400, 404, 413, 422, 501, 507)
  async load(@Param('model') name: string, @ExchangeParam() { request }: Exchange): Promise<{ name: string; load: true }> {
    await refuseContents(bytesOfBody(request));
    await this.models.load(name);
    return { name, load: true };
  }

  @Post('models/:model/unload')
  @Needs('admin')
  @HttpCode(200)
  @UseGuards(AdminGuard)
  @ApiOperation({
    summary: 'Unload a model',
    description: 'Answers once no request reaches it any more; those that have are answered. With ADMIN_API only.',
  })
  @ModelPath(false)
  @ApiBody(EMPTY_BODY)
  @ApiOkResponse({ description: 'The model serves no more; its threads end with their last request.' })
  @ApiOipErrors(404)
  async unload(@Param('model') name: string): Promise<{ name: string; unload: true }> {
    await this.models.unload(name);
    return { name, unload: true };
  }
}
