// Have we answered this before, or is somebody computing it? Values by key: remembered, joined in flight, or computed once.
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { CancellationSignal } from '../cancellation.js';
import type { Answers } from './answers.js';
import type { Entry } from './entry.js';
import { Flight, type Passenger } from './flight.js';
import type { Lease } from './lease.js';
import type { Level } from './level.js';
import type { CacheOptions, CachePolicy, TierName } from './options.js';
import type { TierState } from './tier.js';
import { Tiers, type Written } from './tiers.js';

/** Larger values are not remembered: to copy one would hold the event loop for longer than a few milliseconds. */
const LARGEST_VALUE_BYTES = 8 * 1024 * 1024;

/**
 * Who asks for less than this part of what is in flight does not wait for all of it, but has its own computed once more: it costs less than
 * what is in flight already, and an array of thousands does not stand in front of a single text.
 */
const SMALLEST_PART = 1 / 8;

/** Where a value came from. */
export type Source = TierName | 'coalesced' | 'computed';

export interface Recalled<T> {
  readonly value: T;
  readonly source: Source;
}

/** How a client wants it: from the cache, fresh (and then remembered), or without leaving a trace. */
export type CacheMode = 'use' | 'refresh' | 'bypass';

export interface Request<T> extends Passenger {
  readonly level: Level<T>;
  readonly policy: CachePolicy;
  readonly tiers: ReadonlySet<TierName>;
  readonly mode: CacheMode;
  /** 0 is served first, 7 last. */
  readonly urgency: number;
  /** Who asks. Tenants do not wait for each other's work, even for what they share: it may stand behind all else that the other has sent. */
  readonly tenant?: string | undefined;
  /** Keeps what computes alive until the returned function is called: whoever began may leave while others wait for what it began. */
  readonly hold?: () => () => void;
  /** The values of the keys at these places; aborted when nobody waits for any of them. */
  readonly compute: (missing: readonly number[], signal: CancellationSignal | undefined) => Promise<readonly T[]>;
}

type Results<T> = ReadonlyMap<string, Recalled<T>>;

@Injectable()
export class CacheService implements OnApplicationShutdown {
  readonly #flights = new Map<string, Flight<Results<unknown>>>();
  /** Models that have the room that their policy asks for. */
  readonly #housed = new Set<string>();
  #serving: () => ReadonlySet<string> = () => this.#housed;

  constructor(
    private readonly tiers: Tiers,
    readonly answers: Answers,
    private readonly options: Pick<CacheOptions, 'enabled' | 'perTenant'>,
    private readonly lease?: Lease,
  ) {}

  get enabled(): boolean {
    return this.options.enabled;
  }

  /** What keys have to say of a tenant: nothing where all share what is remembered. */
  tenantOf(name: string | undefined): string | undefined {
    return this.options.perTenant ? name : undefined;
  }

  /** What each tier holds; whole answers count as memory. */
  get states(): TierState[] {
    return this.tiers.states.map((state) => {
      if (state.tier !== 'memory') return state;
      return { ...state, bytes: (state.bytes ?? 0) + this.answers.bytes, entries: (state.entries ?? 0) + this.answers.entries };
    });
  }

  /** Forgets everything, or what belongs to one model. @throws Error of a tier that could not be reached. */
  clear(scope?: string): Promise<void> {
    this.answers.clear(scope);
    return this.tiers.clear(scope);
  }

  /**
   * The values of the keys, in their order; equal keys are one.
   * @throws whatever `compute` throws, and CANCELLED or DEADLINE_EXCEEDED while it waits for others.
   */
  async recall<T>(keys: readonly string[], request: Request<T>): Promise<Recalled<T>[]> {
    const places = new Map<string, number>();
    for (const [index, key] of keys.entries()) if (!places.has(key)) places.set(key, index);
    const { mode, tiers, policy } = request;
    if (!this.#housed.has(policy.scope)) this.#house(policy);
    const results = mode === 'use' && tiers.size > 0 ? await this.#shared(places, request) : await this.#alone(places, request);
    return keys.map((key) => {
      const result = results.get(key);
      if (!result) throw new Error('a key without value; this is a bug');
      return result;
    });
  }

  /** @param serving scopes of the models that serve: what room others have of their own is given up when the next model comes. */
  follow(serving: () => ReadonlySet<string>): void {
    this.#serving = serving;
  }

  /** After the queues, whose module is farther up: what they computed last is remembered. */
  async onApplicationShutdown(): Promise<void> {
    await this.lease?.released();
    await Promise.all(this.tiers.all.map((tier) => tier.close()));
  }

  #house({ scope, shares }: CachePolicy): void {
    const serving = this.#serving();
    for (const gone of [...this.#housed].filter((one) => !serving.has(one))) {
      this.#housed.delete(gone);
      for (const tier of this.tiers.all) tier.unshare(gone);
    }
    this.#housed.add(scope);
    for (const tier of this.tiers.all) {
      const bytes = tier.name === 'redis' ? undefined : shares[tier.name];
      if (bytes !== undefined) tier.share(scope, bytes);
    }
  }

  async #alone<T>(places: ReadonlyMap<string, number>, request: Request<T>): Promise<Results<T>> {
    const results = await this.#computed([...places.keys()], places, request, request.signal);
    if (request.mode === 'refresh') await this.#remember(results, request);
    return results;
  }

  /** Joins what is in flight, begins the rest, and begins again what failed for reasons of others. */
  async #shared<T>(places: ReadonlyMap<string, number>, request: Request<T>): Promise<Results<T>> {
    const results = new Map<string, Recalled<T>>();
    let wanted = [...places.keys()];
    while (wanted.length > 0) {
      const joined = this.#joinable<T>(wanted, request);
      const theirs = new Set([...joined.values()].flat());
      const own = joined.size === 0 ? wanted : wanted.filter((key) => !theirs.has(key));
      const waits = [...joined].map(async ([flight, keys]) => {
        try {
          const landed = await flight.wait(request);
          for (const key of keys) {
            const result = landed.get(key);
            if (result) results.set(key, result.source === 'computed' ? { ...result, source: 'coalesced' } : result);
          }
        } catch (thrown) {
          if (isOwn(thrown, request) || !flight.isOfOthers(thrown, keys.length)) throw thrown;
        }
      });
      const begun = own.length > 0 ? this.#begin(own, places, request).wait(request) : new Map<string, Recalled<T>>();
      const [mine] = await Promise.all([begun, ...waits]);
      for (const [key, result] of mine) results.set(key, result);
      wanted = wanted.filter((key) => !results.has(key));
    }
    return results;
  }

  /** What is in flight for the keys, with those of them that it is for. Whoever is more urgent than it does not wait for it. */
  #joinable<T>(keys: readonly string[], { urgency, tenant }: Request<T>): Map<Flight<Results<T>>, string[]> {
    const joined = new Map<Flight<Results<T>>, string[]>();
    for (const key of keys) {
      const flight = this.#flights.get(inFlight(key, tenant)) as Flight<Results<T>> | undefined;
      if (!flight || flight.cancelled || flight.urgency > urgency) continue;
      const shared = joined.get(flight);
      if (shared) shared.push(key);
      else joined.set(flight, [key]);
    }
    for (const [flight, shared] of joined) if (shared.length < flight.size * SMALLEST_PART) joined.delete(flight);
    return joined;
  }

  /** In the table before the tiers are asked, so that of equal requests of one moment only the first asks them. */
  #begin<T>(keys: readonly string[], places: ReadonlyMap<string, number>, request: Request<T>): Flight<Results<T>> {
    const flown = keys.map((key) => inFlight(key, request.tenant));
    const release = request.hold?.();
    const work = async (signal: AbortSignal): Promise<Results<T>> => {
      try {
        const results = await this.#remembered(keys, request);
        const missing = results.size === 0 ? keys : keys.filter((key) => !results.has(key));
        if (missing.length === 0) return results;
        const computed = await this.#once(missing, places, request, signal);
        return results.size === 0 ? computed : new Map([...results, ...computed]);
      } finally {
        release?.();
        for (const key of flown) if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    };
    const flight = new Flight<Results<T>>(work, request.urgency, keys.length);
    for (const key of flown) this.#flights.set(key, flight);
    return flight;
  }

  /** Computed and remembered; with a lease by one process of those that share a Redis. */
  async #once<T>(
    keys: readonly string[],
    places: ReadonlyMap<string, number>,
    request: Request<T>,
    signal: AbortSignal,
  ): Promise<Results<T>> {
    const compute = async (wanted: readonly string[]): Promise<Written & { values: Results<T> }> => {
      const values = await this.#computed(wanted, places, request, signal);
      return { values, ...(await this.#remember(values, request)) };
    };
    // Nor for what another tenant computes in another process.
    const alone = request.tenant !== undefined && !this.options.perTenant;
    if (!this.lease || alone || !request.tiers.has('redis')) return (await compute(keys)).values;
    return this.lease.once(keys, { find: (wanted) => this.#remembered(wanted, request), compute }, signal);
  }

  async #remembered<T>(keys: readonly string[], { level, tiers }: Request<T>): Promise<Map<string, Recalled<T>>> {
    const results = new Map<string, Recalled<T>>();
    for (const [key, { value, tier }] of await this.tiers.read(level, tiers, keys)) results.set(key, { value, source: tier });
    return results;
  }

  async #computed<T>(
    keys: readonly string[],
    places: ReadonlyMap<string, number>,
    { compute }: Request<T>,
    signal: CancellationSignal | undefined,
  ): Promise<Results<T>> {
    const values = await compute(
      keys.map((key) => places.get(key) ?? 0),
      signal,
    );
    return new Map(keys.map((key, index) => [key, { value: values[index] as T, source: 'computed' as const }]));
  }

  async #remember<T>(results: Results<T>, { level, policy: { ttlMs }, tiers }: Request<T>): Promise<Written> {
    if (tiers.size === 0) return { everywhere: Promise.resolve() };
    const expires = ttlMs === undefined ? undefined : Date.now() + ttlMs;
    const entries = [...results]
      .filter(([, { value }]) => level.sizeOf(value) <= LARGEST_VALUE_BYTES)
      .map(([key, { value }]) => ({ key, entry: { value: level.encode(value), expires } satisfies Entry }));
    return entries.length > 0 ? this.tiers.write(level.name, tiers, entries) : { everywhere: Promise.resolve() };
  }
}

/** The work for a key, of one tenant. */
function inFlight(key: string, tenant: string | undefined): string {
  return tenant === undefined ? key : `${key} ${tenant}`;
}

/** Whether it is this request that was cancelled or came too late, not the one that it had joined. */
function isOwn(thrown: unknown, { signal, deadline = Infinity }: Passenger): boolean {
  return (signal?.aborted ?? false) || performance.now() >= deadline;
}
