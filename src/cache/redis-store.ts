// The Redis tier: cache-manager-redis-yet's store, with values as the bytes they are.
import type { CacheManagerStore } from 'cache-manager';
import { redisInsStore } from 'cache-manager-redis-yet';
import { commandOptions } from 'redis';
import type { Claim, Leasing } from './lease.js';
import { connectRedis } from './redis-connection.js';

const SCAN_COUNT = 1000;

const AS_BYTES = commandOptions({ returnBuffers: true });

/** Behind the key of a value: who computes it has this key as long. */
const LEASE = ':lease';
/** In one step, so that a value that was written between asking for it and claiming it is not computed again. */
const CLAIM = `
local claims = {}
for index, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then claims[index] = 'known'
  elseif redis.call('SET', key .. '${LEASE}', '', 'NX', 'PX', ARGV[1]) then claims[index] = 'ours'
  else claims[index] = 'taken' end
end
return claims`;

/** Values are `{ value }`, as Keyv hands them over unserialized. */
interface Held {
  readonly value: Uint8Array;
}

export interface RedisStore extends CacheManagerStore, Leasing {
  clearScope(scope: string): Promise<void>;
  disconnect(): Promise<void>;
}

/**
 * Connects in the background, again and again if need be: until there is a connection every command fails at once.
 * @param onError what the client has to say about its connection.
 */
export function redisStore(url: string, onError: (error: Error) => void): RedisStore {
  const { client, watch, disconnect } = connectRedis(url, onError);
  const store = redisInsStore(client as unknown as Parameters<typeof redisInsStore>[0]);

  async function* keysOf(pattern: string): AsyncGenerator<string[]> {
    let cursor = 0;
    do {
      const page = await watch(client.scan(cursor, { MATCH: pattern, COUNT: SCAN_COUNT }));
      cursor = page.cursor;
      if (page.keys.length > 0) yield page.keys;
    } while (cursor !== 0);
  }
  const removeAll = async (pattern: string): Promise<void> => {
    for await (const keys of keysOf(pattern)) await watch(client.unlink(keys));
  };

  return {
    // Deleting and asking for the time to live are its own; its values are JSON, which would double ours.
    ...store,
    name: 'redis',
    get: async (key) => held(await watch(client.get(AS_BYTES, key))),
    mget: async (...keys) => (await watch(client.mGet(AS_BYTES, keys))).map(held),
    set: async (key, { value }: Held, ttl) => {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      await watch(client.set(key, bytes, ttl ? { PX: Math.ceil(ttl) } : {}));
    },
    mset: () => Promise.reject(new Error('Keyv sets one by one, in one go over the wire')),
    keys: () => store.keys(`${NAMESPACE}:*`),
    // Others may live in the same database: FLUSHDB, as the store has it, would take their keys too.
    reset: () => removeAll(`${NAMESPACE}:*`),
    clearScope: (scope) => removeAll(`${NAMESPACE}:${scope}:*`),
    claim: async (keys, leaseMs) => (await watch(client.eval(CLAIM, { keys: keys.map(named), arguments: [String(leaseMs)] }))) as Claim[],
    release: (keys) => watch(client.unlink(keys.map((key) => named(key) + LEASE))),
    disconnect,
  };
}

/** In front of all keys, put there by Keyv. */
export const NAMESPACE = 'nestor';

function named(key: string): string {
  return `${NAMESPACE}:${key}`;
}

function held(bytes: Buffer | null): Held | undefined {
  return bytes ? { value: bytes } : undefined;
}
