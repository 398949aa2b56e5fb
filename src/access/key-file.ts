// The file of keys, YAML or JSON: `keys`, a list of entries without any secret.
import { parse } from 'yaml';
import { digestOf, ID, type Digest } from './key.js';
import { Grants } from './scopes.js';
import type { Caller } from './caller.js';

/** An entry as it stands in the file. */
export interface KeyEntry {
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  /** `sha256:<salt>:<hash>` */
  readonly hash: string;
  /** ISO 8601; without one it does not expire. */
  readonly expires?: string;
  readonly created?: string;
  /** ISO 8601; from then on it is refused. */
  readonly revoked?: string;
}

export interface Key {
  readonly caller: Caller;
  readonly digest: Digest;
  /** Milliseconds since 1970; Infinity: never. */
  readonly expires: number;
  readonly revoked: boolean;
}

const FIELDS = ['id', 'tenant', 'scopes', 'hash', 'expires', 'created', 'revoked'];

/** @throws Error that names the entry and the field; never what the hash is. */
export function readKeyFile(text: string): KeyEntry[] {
  const document: unknown = parse(text) ?? { keys: [] };
  const keys = (document as { keys?: unknown }).keys;
  if (!Array.isArray(keys)) throw new Error('it must have `keys`, a list');
  const entries = keys.map((entry: unknown, index) => checked(entry, `keys[${index}]`));
  const twice = entries.find(({ id }, index) => entries.findIndex((other) => other.id === id) !== index);
  if (twice) throw new Error(`the id ${twice.id} is there twice`);
  return entries;
}

/** By id. @throws Error for a scope that is none. */
export function keysOf(entries: readonly KeyEntry[]): ReadonlyMap<string, Key> {
  return new Map(entries.map((entry) => [entry.id, keyOf(entry)]));
}

function keyOf({ id, tenant, scopes, hash, expires, revoked }: KeyEntry): Key {
  const digest = digestOf(hash);
  if (!digest) throw new Error(`the hash of ${id} has not been checked; this is a bug`);
  const caller = { id, tenant, grants: new Grants(scopes) };
  return { caller, digest, expires: expires === undefined ? Infinity : Date.parse(expires), revoked: revoked !== undefined };
}

function checked(entry: unknown, where: string): KeyEntry {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw new Error(`${where} must be an object`);
  const { id, tenant, scopes, hash, expires, created, revoked } = entry as Readonly<Record<string, unknown>>;
  const fail = (field: string, rule: string): never => {
    throw new Error(`${where}${typeof id === 'string' && ID.test(id) ? ` (${id})` : ''}: ${field} ${rule}`);
  };
  const unknown = Object.keys(entry).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) fail(unknown.slice(0, 40), `is no field of a key; there are ${FIELDS.join(', ')}`);
  if (typeof id !== 'string' || !ID.test(id)) return fail('id', 'must be lower-case letters, digits and -, 63 at most');
  if (typeof tenant !== 'string' || tenant === '') return fail('tenant', 'must be a text');
  if (typeof hash !== 'string' || !digestOf(hash))
    return fail('hash', 'must be sha256:<salt>:<hash>, as `npm run keys -- create` writes it');
  if (!Array.isArray(scopes) || scopes.length === 0) return fail('scopes', 'must be a list of at least one');
  try {
    new Grants(scopes.map(String));
  } catch (thrown) {
    return fail('scopes', (thrown as Error).message);
  }
  for (const [field, date] of Object.entries({ expires, created, revoked })) {
    if (date !== undefined && (typeof date !== 'string' || Number.isNaN(Date.parse(date))))
      fail(field, 'must be a date, as 2027-01-31T00:00:00Z');
  }
  return entry as KeyEntry;
}
