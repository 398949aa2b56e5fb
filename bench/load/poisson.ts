// The open loop: requests arrive at random at a given rate, however slow the answers are.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../random.ts';
import type { Answer } from './http.ts';

export interface OpenLoop {
  /** Sends the n-th request. */
  readonly send: (index: number) => Promise<Answer>;
  /** Arrivals per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface Arrival {
  /** 0 when the connection failed. */
  readonly status: number;
  readonly retryAfter: number | undefined;
  /** From the time the request was due, not from when it left: a late generator or a full server cannot hide a wait. */
  readonly ms: number;
  /** When the answer was there, as performance.now() has it. */
  readonly answeredAt: number;
}

export async function poisson({ send, rate, seconds, seed }: OpenLoop): Promise<Arrival[]> {
  const random = seededRandom(seed);
  const begin = performance.now();
  const arrivals: Promise<Arrival>[] = [];
  const gap = (): number => (-Math.log(1 - random()) / rate) * 1000;
  for (let due = begin + gap(); due < begin + seconds * 1000; due += gap()) {
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    arrivals.push(answered(send(arrivals.length), due));
  }
  return Promise.all(arrivals);
}

async function answered(answer: Promise<Answer>, due: number): Promise<Arrival> {
  const { status, retryAfter } = await answer.catch(() => ({ status: 0, retryAfter: undefined }));
  const answeredAt = performance.now();
  return { status, retryAfter, ms: answeredAt - due, answeredAt };
}
