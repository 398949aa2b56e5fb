// /v1/cache: what the cache holds, and how to make it forget; only where ADMIN_API is on.
import { Controller, Delete, Get, Query, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import { CacheService } from '../cache/cache.service.js';
import type { TierState } from '../cache/tier.js';
import { invalid, NestorError } from '../errors.js';
import { ModelRegistry } from '../models/model-registry.js';
import { AdminGuard } from './admin.guard.js';
import { requireOwn } from './access.js';
import { ExchangeParam, type Exchange } from './exchange.js';
import { ApiProblems } from './problem.docs.js';

interface CacheContents {
  readonly enabled: boolean;
  readonly tiers: readonly TierState[];
}

@ApiTags('administration')
@Controller('v1/cache')
@UseGuards(AdminGuard)
export class CacheController {
  constructor(
    private readonly cache: CacheService,
    private readonly models: ModelRegistry,
  ) {}

  @Get()
  @Needs('admin')
  @ApiOperation({ summary: 'What the cache holds', description: 'Tiers, nearest first. Needs ADMIN_API.' })
  @ApiOkResponse({ description: 'One entry a tier; Redis does not say its size.' })
  @ApiProblems(404)
  show(): CacheContents {
    return { enabled: this.cache.enabled, tiers: this.cache.states };
  }

  @Delete()
  @Needs('admin', 'own')
  @ApiOperation({
    summary: 'Forget everything, or what belongs to one model',
    description: 'In all tiers, for all who share them. Needs ADMIN_API.',
  })
  @ApiQuery({
    name: 'model',
    required: false,
    schema: { type: 'string', example: 'digits' },
    description: 'All its versions that are loaded.',
  })
  @ApiOkResponse({ description: 'What the cache holds now.' })
  @ApiProblems(400, 404, 503)
  async clear(@ExchangeParam() { request }: Exchange, @Query('model') name?: string | string[]): Promise<CacheContents> {
    if (Array.isArray(name)) throw invalid('model', 'model is given once');
    requireOwn(request, name);
    const scopes = name === undefined ? [undefined] : this.#scopesOf(name);
    const results = await Promise.allSettled(scopes.map((scope) => this.cache.clear(scope)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) {
      throw new NestorError('CACHE_UNAVAILABLE', 'A tier of the cache cannot be reached and keeps what it has; the others are cleared', {
        retryAfter: 5,
        cause: failed.reason,
      });
    }
    return this.show();
  }

  /** @throws NestorError MODEL_NOT_FOUND */
  #scopesOf(name: string): string[] {
    this.models.resolve(name);
    return [...new Set(this.models.versions(name).map(({ cache }) => cache.scope))];
  }
}
