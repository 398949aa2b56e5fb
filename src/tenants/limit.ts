// A limit as people write it: `600/minute` of requests, items or tokens.

export const UNITS = ['requests', 'items', 'tokens'] as const;
export type Unit = (typeof UNITS)[number];

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;
type Period = keyof typeof SECONDS;

const RATE = /^(\d{1,15}) ?\/ ?(second|minute|hour|day)$/;

/** Nothing is counted: what the default says does not hold for this tenant. */
const UNLIMITED = 'unlimited';

export const RATE_RULE = `must be like 600/minute (per second, minute, hour or day, from 1 on), a list of such with a period each, or ${UNLIMITED}`;

export interface Limit {
  readonly unit: Unit;
  /** How much there is in a window; a window begins at each full period of UTC. */
  readonly count: number;
  readonly period: Period;
  readonly seconds: number;
  /** Its name for clients: `tokens-per-minute`. */
  readonly policy: string;
}

export function isRates(value: unknown): boolean {
  if (value === UNLIMITED) return true;
  const rates = asList(value).map(rateOf);
  return rates.length > 0 && rates.every((rate) => rate !== undefined) && new Set(rates.map((rate) => rate.period)).size === rates.length;
}

/** @param value of which `isRates` holds; nothing is no limit. */
export function limitsOf(unit: Unit, value: unknown): Limit[] {
  if (value === undefined) return [];
  return asList(value).flatMap((one) => {
    const rate = rateOf(one);
    return rate ? [{ unit, ...rate, seconds: SECONDS[rate.period], policy: `${unit}-per-${rate.period}` }] : [];
  });
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function rateOf(value: unknown): { count: number; period: Period } | undefined {
  const [, count, period] = RATE.exec(typeof value === 'string' ? value : '') ?? [];
  return Number(count) >= 1 ? { count: Number(count), period: period as Period } : undefined;
}
