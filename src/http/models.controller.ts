// GET /v1/models: what is served.
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import type { Caller } from '../access/caller.js';
import { ModelRegistry } from '../models/model-registry.js';
import { CallerParam } from './access.js';
import { modelCard, modelDetails, type ModelCard, type ModelDetails } from './model-card.js';
import { ApiProblems } from './problem.docs.js';

@ApiTags('models')
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly models: ModelRegistry) {}

  @Get()
  @Needs('models:read', 'own')
  @ApiOperation({ summary: 'All models', description: "OpenAI's list, extended by task, versions and state." })
  @ApiOkResponse({ description: 'One entry a model, under its newest version.' })
  list(@CallerParam() { grants }: Caller): { object: 'list'; data: ModelCard[] } {
    const names = this.models.names.filter((name) => grants.covers('models:read', name));
    return { object: 'list', data: names.map((name) => modelCard(this.models.served(name), this.models.resolve(name))) };
  }

  @Get(':model')
  @Needs('models:read')
  @ApiOperation({ summary: 'One model with its whole signature' })
  @ApiParam({ name: 'model', schema: { type: 'string', example: 'digits' } })
  @ApiOkResponse({ description: 'The model, with inputs, outputs and labels of its newest version.' })
  @ApiProblems(404)
  show(@Param('model') name: string): ModelDetails {
    return modelDetails(this.models.served(name), this.models.resolve(name));
  }
}
