// The routes of Hugging Face's text-embeddings-inference, for those who leave it: their clients work unchanged. Only with TEI_API.
import type { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Needs } from '../../access/needs.js';
import type { Token } from '../../features/tokenizer.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { teiInfo, type TeiInfo } from './tei-info.js';
import { TeiModel } from './tei-model.js';
import { TeiModelGuard } from './tei-model.guard.js';
import { DecodeBody, EmbedAllBody, EmbedBody, SimilarityBody, TokenizeBody } from './tei.dto.js';
import { DescribeTei } from './tei.docs.js';
import { Tei, type TeiRequest } from './tei.pipe.js';
import { TeiService } from './tei.service.js';

@ApiTags('text-embeddings-inference')
@Controller()
@UseGuards(TeiModelGuard)
export class TeiController {
  constructor(
    private readonly tei: TeiService,
    private readonly model: TeiModel,
    private readonly models: ModelRegistry,
  ) {}

  // The root is where Hugging Face's InferenceClient sends to when it is given a URL, /invocations where SageMaker does.
  @Post(['embed', '/', 'invocations'])
  @Needs('embed', 'own')
  @HttpCode(200)
  @DescribeTei('embed')
  async embed(@Tei(EmbedBody) request: TeiRequest<EmbedBody>): Promise<string | Readable> {
    return request.answer(await this.tei.embed(request));
  }

  @Post('embed_all')
  @Needs('embed', 'own')
  @HttpCode(200)
  @DescribeTei('embedAll')
  async embedAll(@Tei(EmbedAllBody) request: TeiRequest<EmbedAllBody>): Promise<string | Readable> {
    return request.answer(await this.tei.embedAll(request));
  }

  @Post('similarity')
  @Needs('embed', 'own')
  @HttpCode(200)
  @DescribeTei('similarity')
  async similarity(@Tei(SimilarityBody) request: TeiRequest<SimilarityBody>): Promise<string | Readable> {
    return request.answer(await this.tei.similarity(request));
  }

  @Post('tokenize')
  @Needs('embed', 'own')
  @HttpCode(200)
  @DescribeTei('tokenize')
  tokenize(@Tei(TokenizeBody) request: TeiRequest<TokenizeBody>): Promise<Token[][]> {
    return this.tei.tokenize(request);
  }

  @Post('decode')
  @Needs('embed', 'own')
  @HttpCode(200)
  @DescribeTei('decode')
  decode(@Tei(DecodeBody) request: TeiRequest<DecodeBody>): Promise<string[]> {
    return this.tei.decode(request);
  }

  @Get('info')
  @Needs('models:read', 'own')
  @DescribeTei('info')
  info(): TeiInfo {
    return teiInfo(this.models.resolve(this.model.ref.name));
  }
}
