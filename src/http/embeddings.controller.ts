// POST /v1/embeddings: OpenAI's embeddings API.
import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import { InferenceService } from '../inference/inference.service.js';
import { EmbeddingsBody } from './dto/embeddings.dto.js';
import type { Delivered } from './exchange.js';
import type { EmbeddingsRequest } from './embeddings.pipe.js';
import { EmbeddingsParam } from './embeddings.pipe.js';
import { EveryFormat } from './formats.docs.js';
import { CallHeaders } from './predict.docs.js';
import { ApiOpenAiErrors } from './problem.docs.js';

const EXAMPLES = {
  text: { summary: 'One text', value: { model: 'all-minilm-l6-v2', input: 'This is an example sentence' } },
  texts: { summary: 'Texts, as base64', value: { model: 'all-minilm-l6-v2', input: ['first', 'second'], encoding_format: 'base64' } },
  tokens: { summary: 'Token ids', value: { model: 'all-minilm-l6-v2', input: [101, 2023, 2003, 2019, 2742, 6251, 102] } },
};

@ApiTags('embeddings')
@Controller('v1/embeddings')
export class EmbeddingsController {
  constructor(private readonly inference: InferenceService) {}

  @Post()
  @Needs('embed', 'own')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Embed texts',
    description: "OpenAI's embeddings API: its clients work unchanged with this server as their base URL.",
  })
  @CallHeaders()
  @EveryFormat('Embeddings')
  @ApiBody({ type: EmbeddingsBody, examples: EXAMPLES })
  @ApiOkResponse({
    description: 'One embedding an input, in order.',
    schema: {
      type: 'object',
      required: ['object', 'data', 'model', 'usage'],
      properties: {
        object: { type: 'string', enum: ['list'] },
        data: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              object: { type: 'string', enum: ['embedding'] },
              index: { type: 'integer' },
              embedding: {
                oneOf: [
                  { type: 'array', items: { type: 'number' } },
                  { type: 'string', format: 'byte' },
                ],
              },
            },
          },
        },
        model: { type: 'string' },
        usage: { type: 'object', properties: { prompt_tokens: { type: 'integer' }, total_tokens: { type: 'integer' } } },
      },
    },
  })
  @ApiOpenAiErrors(400, 404, 406, 413, 415, 429, 500, 503, 504)
  async embed(@EmbeddingsParam() { ref, inputs, options, call, answer }: EmbeddingsRequest): Promise<Delivered> {
    return answer(await this.inference.embed(ref, inputs, options, call));
  }
}
