// Where the processes of a fleet count what their tenants have had: each takes slices of a quota out of one Redis.
import { Logger } from '@nestjs/common';
import { reasonOf } from '../errors.js';
import { breakerAround, isAway, type Breaker } from '../cache/breaker.js';
import { connectRedis, type RedisConnection } from '../cache/redis-connection.js';

/** What a process asks for. */
export interface Claim {
  /** Of one limit of one tenant. */
  readonly key: string;
  readonly count: number;
  readonly seconds: number;
  /** All of it or nothing. */
  readonly need: number;
  /** Whether to take a slice beyond it, for requests to come. */
  readonly ahead: boolean;
  /** What it knows to be taken in a window, by all: the ledger may have forgotten it. */
  readonly known?: { readonly window: number; readonly used: number };
}

/** What it gets. */
export interface Grant {
  readonly granted: number;
  /** What nobody has taken yet in this window. */
  readonly left: number;
  /** Number of the window, of those since 1970. */
  readonly window: number;
  readonly endsInMs: number;
}

export interface Ledger {
  /** It cannot be asked: everybody counts by themselves. */
  readonly away: boolean;
  /**
   * @param late is told of a grant that comes after the time was over: what was granted counts for the fleet, taken or not.
   * @throws Error when it does not answer in time.
   */
  claim(claim: Claim, late: (grant: Grant) => void): Promise<Grant>;
}

/** The part of what is left that a process takes ahead: what it may keep from the others, and how seldom it asks. */
export const SLICE = 1 / 32;

/**
 * The clock is Redis's, one for all processes. What an earlier window holds counts for nothing. Where Redis forgot what was taken, because
 * it was restarted or needed the room, those who ask know most of it.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, length, need = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = math.floor(now / length)
local state = redis.call('HMGET', KEYS[1], 'window', 'used')
local kept = 0
if tonumber(state[1]) == window then kept = tonumber(state[2]) end
local used = kept
if tonumber(ARGV[5]) == window then used = math.max(kept, tonumber(ARGV[6])) end
local left = math.max(0, count - used)
local granted = 0
if need <= left then granted = need + math.floor((left - need) * tonumber(ARGV[4])) end
if used + granted > kept then
  redis.call('HSET', KEYS[1], 'window', window, 'used', used + granted)
  redis.call('PEXPIRE', KEYS[1], length)
end
return { granted, left - granted, window, (window + 1) * length - now }`;

const TRIAL: Claim = { key: 'trial', count: 1, seconds: 1, need: 0, ahead: false };

/** Not the cache's, which may be cleared. */
const NAMESPACE = 'nestor-quota';

export class RedisLedger implements Ledger {
  readonly #logger = new Logger('Tenants');
  readonly #connection: RedisConnection;
  readonly #breaker: Breaker<() => Promise<Grant>, Grant>;
  #reason = '';

  /** @param timeoutMs that a request waits for Redis at most. */
  constructor(url: string, timeoutMs: number) {
    this.#connection = connectRedis(url, (error) => {
      this.#reason = error.message;
    });
    this.#breaker = breakerAround(
      (take: () => Promise<Grant>) => take(),
      () => this.#take(TRIAL),
      timeoutMs,
    );
    this.#breaker.on('failure', (error) => (this.#reason = reasonOf(error)));
    let told = false;
    this.#breaker.on('open', () => {
      if (!told) this.#logger.warn(`Redis is left alone (${this.#reason}): quotas are counted by each process for itself`);
      told = true;
    });
    this.#breaker.on('close', () => {
      told = false;
      this.#logger.log('Redis is back: quotas are counted together');
    });
  }

  get away(): boolean {
    return isAway(this.#breaker);
  }

  async claim(claim: Claim, late: (grant: Grant) => void): Promise<Grant> {
    let answer: Promise<Grant> | undefined;
    try {
      return await this.#breaker.fire(() => (answer = this.#take(claim)));
    } catch (thrown) {
      answer?.then(late, () => undefined);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#breaker.shutdown();
    await this.#connection.disconnect();
  }

  async #take({ key, count, seconds, need, ahead, known }: Claim): Promise<Grant> {
    const { client, watch } = this.#connection;
    const values = [count, seconds * 1000, need, ahead ? SLICE : 0, known?.window ?? -1, known?.used ?? 0].map(String);
    const answer = await watch(client.eval(TAKE, { keys: [`${NAMESPACE}:${key}`], arguments: values }));
    const [granted = 0, left = 0, window = 0, endsInMs = 0] = answer as number[];
    return { granted, left, window, endsInMs };
  }
}
