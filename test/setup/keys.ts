// API keys for a test, made as `npm run keys` makes them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { runKeysCommand } from '../../src/access/keys-command.js';

export class Keys {
  readonly folder = mkdtempSync(join(tmpdir(), 'nestor-keys-'));
  readonly file = join(this.folder, 'keys.yaml');
  /** Secrets of all keys that were made: nothing may ever print them. */
  readonly secrets: string[] = [];

  create(id: string, scopes: readonly string[], tenant = 'tenant-a'): string {
    const args = ['create', '--id', id, '--tenant', tenant, '--scope', scopes.join(',')];
    const [key = ''] = runKeysCommand(args, this.file).split('\n');
    this.secrets.push(key.slice(`nst_${id}_`.length));
    return key;
  }

  revoke(id: string): void {
    runKeysCommand(['revoke', '--id', id], this.file);
  }

  /** As if it had been made long ago. */
  expire(id: string): void {
    const { keys } = parse(readFileSync(this.file, 'utf8')) as { keys: { id: string; expires?: string }[] };
    for (const key of keys) if (key.id === id) key.expires = '2020-01-01T00:00:00Z';
    writeFileSync(this.file, stringify({ keys }));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
