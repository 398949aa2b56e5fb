// The one model that the routes of text-embeddings-inference serve: they have no place for a name.
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Environment } from '../../config/environment.js';
import { ModelRegistry } from '../../models/model-registry.js';
import { ModelManager, type ModelRef } from '../../models/model-manager.js';

@Injectable()
export class TeiModel implements OnApplicationBootstrap {
  /** Its newest version that is ready. */
  ref: ModelRef = { name: '' };

  constructor(
    private readonly environment: Environment,
    private readonly models: ModelRegistry,
    private readonly manager: ModelManager,
  ) {}

  /** @throws Error when it is not clear which model is meant: the boot stops. */
  onApplicationBootstrap(): void {
    const names = new Set(this.models.all.filter(({ task }) => task === 'embeddings').map(({ name }) => name));
    const [only = ''] = names;
    const { TEI_MODEL: wanted } = this.environment;
    const known = [...names].join(', ') || 'none';
    // What they are for is not known before they are loaded: one of them has to be named.
    const sleeping = this.manager.sleeping.map(({ name }) => name);
    const besides = sleeping.length > 0 ? ` (besides ${sleeping.join(', ')}, loaded on demand)` : '';
    if (wanted === '' && names.size !== 1)
      throw new Error(`TEI_API serves one embedding model, and there are ${known}${besides}; name it in TEI_MODEL`);
    if (wanted !== '' && !names.has(wanted) && !sleeping.includes(wanted))
      throw new Error(`TEI_MODEL=${wanted} is no embedding model of the repository; these are: ${known}`);
    this.ref = { name: wanted || only };
  }
}
