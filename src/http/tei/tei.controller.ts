// The routes of Hugging Face's text-embeddings-inference, for those who leave it: their clients work unchanged. Only with TEI_API.
import type { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import { Needs, Open } from '../../access/needs.js';
import { NestorError } from '../../errors.js';
import type { Token } from '../../features/tokenizer.js';
import { ReadinessCheck } from '../../health/readiness-check.js';
import { ModelManager } from '../../models/model-manager.js';
import { absent } from './tei-errors.js';
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
    private readonly models: ModelManager,
    private readonly readiness: ReadinessCheck,
  ) {}

  /** Where its containers are probed besides /health: nothing in the body, the status says all. */
  @Get(['ping', '/'])
  @Open()
  @DescribeTei('ping')
  async ping(): Promise<void> {
    if (!(await this.readiness.ready())) throw new NestorError('MODEL_NOT_READY', 'The server is not ready, or is shutting down');
  }

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
  async info(): Promise<TeiInfo> {
    using lease = await this.models.use(this.model.ref);
    return teiInfo(lease.model);
  }

  // Those that want another kind of model say so, and are not in the document.

  @Post('predict')
  @Needs('embed', 'own')
  @ApiExcludeEndpoint()
  predict(): never {
    throw absent('predict');
  }

  @Post('rerank')
  @Needs('embed', 'own')
  @ApiExcludeEndpoint()
  rerank(): never {
    throw absent('rerank');
  }

  @Post('embed_sparse')
  @Needs('embed', 'own')
  @ApiExcludeEndpoint()
  embedSparse(): never {
    throw absent('embed_sparse');
  }
}
