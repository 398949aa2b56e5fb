// Prepares the models of a repository without serving them: at the build of an image, or before a machine takes traffic.
import { Inject, Injectable } from '@nestjs/common';
import { filesOf } from './folder-contents.js';
import { readManifest } from './manifest.js';
import { readModelFiles } from './model-files.js';
import { ModelLoader } from './model-loader.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { PreparedModels } from './prepared-models.js';
import { modelFolder, scan } from './repository.js';
import { versionsToServe } from './versions.js';

@Injectable()
export class Preparation {
  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly loader: ModelLoader,
    private readonly preparedModels: PreparedModels,
  ) {}

  /**
   * Every version that would be served.
   * @returns how many were prepared, and how many are loaded as they are: small ones, those for a GPU, those that cannot be prepared.
   * @throws Error that names the path and the reason when a model cannot be read.
   */
  async run(): Promise<{ prepared: number; asTheyAre: number }> {
    const counts = { prepared: 0, asTheyAre: 0 };
    for (const { name } of await scan(this.options.repository)) {
      const { manifestPath, versions } = await modelFolder(this.options.repository, name);
      const manifest = await readManifest(this.options.repository, manifestPath);
      const wanted = versionsToServe(versions.map(({ version }) => version), manifest); // prettier-ignore
      for (const folder of versions.filter(({ version }) => wanted.includes(version))) {
        const content = await this.preparedModels.contentOf(await filesOf(this.options.repository, folder.path));
        const { prepared } = await this.loader.plan(await readModelFiles(folder.path), manifest, content);
        counts[prepared ? 'prepared' : 'asTheyAre'] += 1;
      }
    }
    return counts;
  }
}
