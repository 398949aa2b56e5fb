// GET /v1/models: what is served.
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ModelRegistry } from '../models/model-registry.js';
import { modelCard, modelDetails, type ModelCard, type ModelDetails } from './model-card.js';
import { ApiProblems } from './problem.docs.js';

@ApiTags('models')
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly models: ModelRegistry) {}

  @Get()
  @ApiOperation({ summary: 'All models', description: "OpenAI's list, extended by task, versions and state." })
  @ApiOkResponse({ description: 'One entry a model, under its newest version.' })
  list(): { object: 'list'; data: ModelCard[] } {
    return { object: 'list', data: this.models.names.map((name) => modelCard(this.models.served(name), this.models.resolve(name))) };
  }

  @Get(':model')
  @ApiOperation({ summary: 'One model with its whole signature' })
  @ApiParam({ name: 'model', schema: { type: 'string', example: 'digits' } })
  @ApiOkResponse({ description: 'The model, with inputs, outputs and labels of its newest version.' })
  @ApiProblems(404)
  show(@Param('model') name: string): ModelDetails {
    return modelDetails(this.models.served(name), this.models.resolve(name));
  }
}
