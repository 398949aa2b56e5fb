// The models that MODEL_REPOSITORY names, loaded once for every door that leads to them.
import { cacheOptions } from '../cache/options.js';
import { Environment } from '../config/environment.js';
import { InferenceModule } from './inference.module.js';

export const InferenceFromEnvironment = InferenceModule.forRootAsync({
  useFactory: (environment: Environment) => ({
    repository: environment.MODEL_REPOSITORY,
    pollSeconds: environment.MODEL_POLL_SECONDS,
    cacheDir: environment.CACHE_DIR,
    preparedDir: environment.PREPARED_DIR,
    memoryBudgetBytes: environment.MEMORY_BUDGET_BYTES,
    recycleAboveBytes: environment.RECYCLE_ABOVE_BYTES,
    inputsLimitBytes: environment.INPUTS_LIMIT_BYTES,
    cache: cacheOptions(environment),
    tenants: {
      file: environment.TENANTS_FILE,
      redisUrl: environment.REDIS_URL || undefined,
      timeoutMs: environment.CACHE_TIMEOUT_MS,
    },
  }),
  inject: [Environment],
});
