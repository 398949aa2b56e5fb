// What `npm run keys` does to the file of keys: it makes, revokes and lists them.
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { ID, newKey } from './key.js';
import { readKeyFile, type KeyEntry } from './key-file.js';
import { Grants } from './scopes.js';

const USAGE = `npm run keys -- create --id ID --tenant TENANT --scope SCOPE ... [--expires 90d | DATE] [--file FILE]
npm run keys -- revoke --id ID [--file FILE]
npm run keys -- list [--file FILE]

SCOPE   predict, embed, models:read, admin; for some models only: predict:digits, predict:team-a-*
FILE    that of ACCESS_KEYS_FILE, or ./keys.yaml; a running server reads it again within a second`;

const HEAD = '# Keys of Nestor, without their secrets: npm run keys -- create, revoke, list.\n';
const OPTIONS = {
  id: { type: 'string' },
  tenant: { type: 'string' },
  scope: { type: 'string', multiple: true },
  expires: { type: 'string' },
  file: { type: 'string' },
} as const;
const DAY_MS = 86_400_000;
const PRIVATE = 0o600;

/**
 * @param defaultFile where the command names none.
 * @returns what to print; the secret of a new key is in it, and nowhere else.
 * @throws Error that says what is wrong with the command or the file.
 */
export function runKeysCommand(args: readonly string[], defaultFile: string, now = new Date()): string {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [verb, ...more] = positionals;
  const file = values.file ?? defaultFile;
  if (more.length > 0) throw new Error(`${more.join(' ')} is not understood; several scopes are given as --scope a --scope b`);
  if (verb === 'create') return create(file, values, now);
  if (verb === 'revoke') return revoke(file, required(values.id, 'id'), now);
  if (verb === 'list') return list(read(file), now);
  throw new Error(USAGE);
}

interface Wanted {
  readonly id?: string;
  readonly tenant?: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
}

function create(file: string, wanted: Wanted, now: Date): string {
  const id = required(wanted.id, 'id');
  const tenant = required(wanted.tenant, 'tenant');
  const scopes = required(wanted.scope, 'scope').flatMap((scope) => scope.split(','));
  if (!ID.test(id)) throw new Error('--id must be lower-case letters, digits and -, 63 at most');
  new Grants(scopes);
  const entries = existsSync(file) ? read(file) : [];
  if (entries.some((entry) => entry.id === id))
    throw new Error(`There is a key ${id} already; ids are never used again, so that the audit log stays clear`);
  const { key, kept } = newKey(id);
  const expires = wanted.expires === undefined ? {} : { expires: expiryOf(wanted.expires, now) };
  write(file, [...entries, { id, tenant, scopes, hash: kept, created: now.toISOString(), ...expires }]);
  return `${key}\n\nThis is shown once. ${file} has its hash.`;
}

/** The entry stays, so that the audit log can say that somebody tried a key that was revoked. */
function revoke(file: string, id: string, now: Date): string {
  const entries = read(file);
  const entry = entries.find((candidate) => candidate.id === id);
  if (!entry) throw new Error(`There is no key ${id} in ${file}`);
  write(file, entries.map((other) => (other === entry ? { ...entry, revoked: entry.revoked ?? now.toISOString() } : other))); // prettier-ignore
  return `${id} is revoked`;
}

function list(entries: readonly KeyEntry[], now: Date): string {
  const rows = entries.map(({ id, tenant, scopes, expires, revoked }) => [id, tenant, scopes.join(' '), stateOf(expires, revoked, now)]);
  const table = [['ID', 'TENANT', 'SCOPES', 'STATE'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function stateOf(expires: string | undefined, revoked: string | undefined, now: Date): string {
  if (revoked !== undefined) return `revoked ${revoked}`;
  if (expires === undefined) return 'good';
  return Date.parse(expires) <= now.getTime() ? `expired ${expires}` : `good until ${expires}`;
}

function expiryOf(text: string, now: Date): string {
  const [, days] = /^(\d+)d$/.exec(text) ?? [];
  const time = days === undefined ? Date.parse(text) : now.getTime() + Number(days) * DAY_MS;
  if (Number.isNaN(time) || time <= now.getTime())
    throw new Error(`--expires ${text}: it must be a number of days, as 90d, or a date to come`);
  return new Date(time).toISOString();
}

function read(file: string): KeyEntry[] {
  try {
    return readKeyFile(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new Error(`${file}: ${(thrown as Error).message}`, { cause: thrown });
  }
}

/**
 * In one step: a server never reads half a file. Nobody else's rights grow by it, and nobody's become less: whoever runs the command, the
 * server that reads the file is another user perhaps.
 * @throws Error where the file would not be its owner's any more; then it is as it was.
 */
function write(file: string, keys: readonly KeyEntry[]): void {
  const [target, before] = existsSync(file) ? [realpathSync(file), statSync(file)] : [file, undefined];
  const draft = `${target}.${process.pid}.tmp`;
  writeFileSync(draft, file.endsWith('.json') ? `${JSON.stringify({ keys }, null, 2)}\n` : HEAD + stringify({ keys }), { mode: PRIVATE });
  try {
    if (before) keepRights(draft, file, before);
    renameSync(draft, target);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw thrown;
  }
}

function keepRights(draft: string, file: string, { uid, gid, mode }: Stats): void {
  try {
    chownSync(draft, uid, gid);
  } catch (thrown) {
    throw new Error(`${file} belongs to user ${uid} and group ${gid}, and would not any more: run this as that user, or as root`, {
      cause: thrown,
    });
  }
  chmodSync(draft, mode & 0o777);
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`--${name} is missing\n\n${USAGE}`);
  return value;
}
