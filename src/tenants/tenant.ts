// A tenant: its weight in the queues, and what it may have of requests, items and tokens.
import { hash } from 'node:crypto';
import type { Share } from '../batching/item.js';
import { NestorError } from '../errors.js';
import type { Ledger } from './ledger.js';
import type { Limit, Unit } from './limit.js';
import { Meter, type Taken } from './meter.js';
import type { TenantSettings } from './tenants-file.js';

/** What is counted at one time. */
export type Cost = Readonly<Partial<Record<Unit, number>>>;

/** What was counted, and where. */
export type Receipt = readonly { readonly meter: Meter; readonly amount: number; readonly window: number }[];

const NOTHING: Receipt = [];
const ONE_REQUEST: Cost = { requests: 1 };

export class Tenant implements Share {
  #weight = 1;
  #label = '';
  #meters: readonly Meter[] = [];
  /** Those of limits that were taken away as well, by their policies, of which there are twelve: they may come back. */
  readonly #everyMeter = new Map<string, Meter>();
  #policies: string | undefined;

  constructor(
    readonly name: string,
    private readonly ledger: Ledger | undefined,
  ) {}

  get weight(): number {
    return this.#weight;
  }

  /** Its name in metrics, where it is one that an operator wrote down. */
  get label(): string {
    return this.#label;
  }

  /** The value of `RateLimit-Policy`; undefined where nothing is limited. */
  get policies(): string | undefined {
    return this.#policies;
  }

  /** The value of `RateLimit`, as things are now. */
  get limits(): string {
    return this.#meters.map(({ limit, remaining, resetSeconds }) => `"${limit.policy}";r=${remaining};t=${resetSeconds}`).join(', ');
  }

  /** What was used so far stays used. */
  configure(label: string, { weight, limits }: TenantSettings): void {
    this.#label = label;
    this.#weight = weight;
    this.#meters = limits.map((limit) => this.#meterOf(limit));
    this.#policies = limits.length > 0 ? limits.map(policyOf).join(', ') : undefined;
  }

  #meterOf(limit: Limit): Meter {
    const { policy } = limit;
    const meter = this.#everyMeter.get(policy) ?? new Meter(limit, `${hash('sha256', this.name, 'base64url')}:${policy}`, this.ledger);
    meter.limit = limit;
    this.#everyMeter.set(policy, meter);
    return meter;
  }

  /** Counts a request. @returns nothing where that is done at once. @throws NestorError QUOTA_EXCEEDED */
  enter(): Promise<unknown> | undefined {
    const receipt = this.charge(ONE_REQUEST);
    return receipt instanceof Promise ? receipt : undefined;
  }

  /** Refuses what is known to be too much, before work is done for it. @throws NestorError QUOTA_EXCEEDED, PAYLOAD_TOO_LARGE */
  check(cost: Cost): void {
    for (const meter of this.#meters) {
      const amount = cost[meter.limit.unit] ?? 0;
      if (amount > meter.limit.count) throw tooMuch(meter.limit, amount);
      if (amount > 0 && meter.refuses(amount)) throw exceeded(meter);
    }
  }

  /** Counts all of it, or nothing: at once, unless the ledger has to be asked. @throws NestorError QUOTA_EXCEEDED, PAYLOAD_TOO_LARGE */
  charge(cost: Cost): Receipt | Promise<Receipt> {
    if (this.#meters.length === 0) return NOTHING;
    this.check(cost);
    const asked = this.#meters.filter(({ limit }) => (cost[limit.unit] ?? 0) > 0);
    const taken = asked.map((meter) => meter.take(cost[meter.limit.unit] ?? 0));
    if (taken.every((one) => typeof one !== 'object')) return settle(asked, taken, cost);
    return Promise.all(taken.map((one) => Promise.resolve(one))).then((all) => settle(asked, all, cost));
  }
}

/** Takes back what was counted for something that was then refused. */
export function giveBack(receipt: Receipt): void {
  for (const { meter, amount, window } of receipt) meter.giveBack(amount, window);
}

/** @throws NestorError QUOTA_EXCEEDED of the limit that is away for longest. */
function settle(meters: readonly Meter[], taken: readonly Taken[], cost: Cost): Receipt {
  const receipt = meters.flatMap((meter, index) => {
    const window = taken[index] ?? false;
    return window === false ? [] : [{ meter, amount: cost[meter.limit.unit] ?? 0, window }];
  });
  const refusing = meters.filter((_, index) => taken[index] === false).toSorted((a, b) => b.resetSeconds - a.resetSeconds);
  const [longest] = refusing;
  if (!longest) return receipt;
  giveBack(receipt);
  throw exceeded(longest);
}

function exceeded({ limit: { unit, count, period }, resetSeconds }: Meter): NestorError {
  const message = `The quota of ${count} ${unit} a ${period} is used up; the next begins in ${resetSeconds} s`;
  return new NestorError('QUOTA_EXCEEDED', message, { retryAfter: resetSeconds });
}

function tooMuch({ unit, count, period }: Limit, amount: number): NestorError {
  return new NestorError('PAYLOAD_TOO_LARGE', `The request takes ${amount} ${unit}; the quota is ${count} a ${period}. Send it in parts`);
}

/** https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10: requests are the default unit. */
function policyOf({ policy, count, seconds, unit }: Limit): string {
  return `"${policy}";q=${count};w=${seconds}${unit === 'requests' ? '' : `;qu="${unit}"`}`;
}
