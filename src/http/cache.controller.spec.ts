// What is cleared where a tier cannot be reached.
import { expect, it } from '@jest/globals';
import type { CacheService } from '../cache/cache.service.js';
import type { ModelRegistry } from '../models/model-registry.js';
import { CacheController } from './cache.controller.js';
import type { Exchange } from './exchange.js';

it('clears all versions of a model, though a tier says at the first that it is away', async () => {
  const cleared: (string | undefined)[] = [];
  const cache = {
    clear: (scope?: string) => {
      cleared.push(scope);
      return Promise.reject(new Error('away'));
    },
  } as unknown as CacheService;
  const versions = ['one', 'two'].map((scope) => ({ cache: { scope } }));
  const models = { resolve: () => undefined, versions: () => versions } as unknown as ModelRegistry;
  const asked = new CacheController(cache, models).clear({ request: { routeOptions: { config: {} } } } as Exchange, 'm');
  await expect(asked).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
  expect(cleared).toEqual(['one', 'two']);
});
