// The one model that the routes of text-embeddings-inference serve: they have no place for a name.
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Environment } from '../../config/environment.js';
import { ModelRegistry } from '../../models/model-registry.js';
import type { ModelRef } from '../../models/model-manager.js';

@Injectable()
export class TeiModel implements OnApplicationBootstrap {
  /** Its newest version that is ready. */
  ref: ModelRef = { name: '' };

  constructor(
    private readonly environment: Environment,
    private readonly models: ModelRegistry,
  ) {}

  /** @throws Error when it is not clear which model is meant: the boot stops. */
  onApplicationBootstrap(): void {
    const names = new Set(this.models.all.filter(({ task }) => task === 'embeddings').map(({ name }) => name));
    const [only = ''] = names;
    const { TEI_MODEL: wanted } = this.environment;
    const known = [...names].join(', ') || 'none';
    if (wanted === '' && names.size !== 1)
      throw new Error(`TEI_API serves one embedding model, and there are ${known}; name it in TEI_MODEL`);
    if (wanted !== '' && !names.has(wanted))
      throw new Error(`TEI_MODEL=${wanted} is no embedding model of the repository; these are: ${known}`);
    this.ref = { name: wanted || only };
  }
}
