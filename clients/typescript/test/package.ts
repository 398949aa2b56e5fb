// The package as npm would install it, in a project of its own.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../../test/setup/paths.js';

export const SOURCE = join(ROOT, 'clients/typescript');
const run = promisify(execFile);
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

export class Project {
  private constructor(readonly folder: string) {}

  static async create(): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'nestor-client-')));
    const installed = project.path('node_modules/@nestor/client');
    await mkdir(installed, { recursive: true });
    await copyFile(join(SOURCE, 'package.json'), join(installed, 'package.json'));
    await project.tsc('-p', join(SOURCE, 'tsconfig.build.json'), '--outDir', join(installed, 'dist'));
    for (const name of ['@msgpack', '@types', 'undici-types']) {
      await symlink(join(ROOT, 'node_modules', name), project.path(`node_modules/${name}`));
    }
    return project;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** @throws Error with what the compiler said. */
  async tsc(...parameters: readonly string[]): Promise<void> {
    try {
      await run(process.execPath, [TSC, ...parameters], { cwd: this.folder });
    } catch (thrown) {
      throw new Error((thrown as { stdout?: string }).stdout, { cause: thrown });
    }
  }

  /** What a module prints. @throws Error with its words when it fails. */
  async node(file: string): Promise<string> {
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', file], { cwd: this.folder });
    return stdout;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
