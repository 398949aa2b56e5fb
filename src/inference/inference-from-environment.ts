// The models that MODEL_REPOSITORY names, loaded once for every door that leads to them.
import { Environment } from '../config/environment.js';
import { InferenceModule } from './inference.module.js';

export const InferenceFromEnvironment = InferenceModule.forRootAsync({
  useFactory: (environment: Environment) => ({ repository: environment.MODEL_REPOSITORY }),
  inject: [Environment],
});
