// GET /v1/models: what is served.
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import type { Caller } from '../access/caller.js';
import { ModelManager } from '../models/model-manager.js';
import { ModelRegistry } from '../models/model-registry.js';
import { CallerParam } from './access.js';
import { modelCard, modelDetails, sleepingCard, type ModelCard, type ModelDetails } from './model-card.js';
import { ApiProblems } from './problem.docs.js';

@ApiTags('models')
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly models: ModelRegistry,
    private readonly manager: ModelManager,
  ) {}

  @Get()
  @Needs('models:read', 'own')
  @ApiOperation({ summary: 'All models', description: "OpenAI's list, extended by task, versions and state." })
  @ApiOkResponse({ description: 'One entry a model, under its newest version; those that are loaded on demand and are not loaded, too.' })
  list(@CallerParam() { grants }: Caller): { object: 'list'; data: ModelCard[] } {
    const loaded = this.models.names.map((name) => modelCard(this.models.served(name), this.models.resolve(name)));
    const sleeping = this.manager.sleeping.filter(({ name }) => !loaded.some(({ id }) => id === name)).map(sleepingCard);
    const data = [...loaded, ...sleeping].filter(({ id }) => grants.covers('models:read', id)).sort((a, b) => (a.id < b.id ? -1 : 1));
    return { object: 'list', data };
  }

  @Get(':model')
  @Needs('models:read')
  @ApiOperation({ summary: 'One model with its whole signature', description: 'One that is loaded on demand is loaded for it.' })
  @ApiParam({ name: 'model', schema: { type: 'string', example: 'digits' } })
  @ApiOkResponse({ description: 'The model, with inputs, outputs and labels of its newest version.' })
  @ApiProblems(404, 503)
  async show(@Param('model') name: string): Promise<ModelDetails> {
    await this.manager.wake(name);
    return modelDetails(this.models.served(name), this.models.resolve(name));
  }
}
