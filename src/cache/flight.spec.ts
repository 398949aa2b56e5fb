// Work that several wait for: who leaves, who stays, and when it ends.
import { describe, expect, it } from '@jest/globals';
import { NestorError } from '../errors.js';
import { Flight } from './flight.js';

function flying(size = 1): {
  flight: Flight<string>;
  land: (text: string) => void;
  crash: (reason: unknown) => void;
  signal: () => AbortSignal;
} {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let given: AbortSignal | undefined;
  const flight = new Flight(
    (signal) => {
      given = signal;
      return promise;
    },
    3,
    size,
  );
  const signal = (): AbortSignal => {
    if (!given) throw new Error('not begun');
    return given;
  };
  return { flight, land: resolve, crash: reject, signal };
}

describe('a flight', () => {
  it('brings everybody the same', async () => {
    const { flight, land } = flying();
    const waits = [flight.wait({}), flight.wait({})];
    land('there');
    await expect(Promise.all(waits)).resolves.toEqual(['there', 'there']);
  });

  it('waits for who has longer than a timer of Node can run', async () => {
    const { flight, land } = flying();
    const wait = flight.wait({ deadline: performance.now() + 2 ** 40 });
    // One that is too long for Node is due at once: before this one.
    await new Promise((resolve) => setTimeout(resolve, 1));
    land('there');
    await expect(wait).resolves.toBe('there');
  });

  it('goes on when who began it leaves and another stays', async () => {
    const { flight, land, signal } = flying();
    const leader = new AbortController();
    const first = flight.wait({ signal: leader.signal });
    const second = flight.wait({});
    leader.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(signal().aborted).toBe(false);
    land('there');
    await expect(second).resolves.toBe('there');
  });

  it('is given up when the last one leaves', async () => {
    const { flight, signal } = flying();
    const both = [new AbortController(), new AbortController()];
    const waits = both.map((one) => flight.wait({ signal: one.signal }));
    for (const one of both) one.abort();
    await Promise.allSettled(waits);
    expect(signal().aborted).toBe(true);
    expect(flight.cancelled).toBe(true);
  });

  it('is left at the deadline of the one whose deadline it is', async () => {
    const { flight, land } = flying();
    const hurried = flight.wait({ deadline: performance.now() + 5 });
    const patient = flight.wait({});
    await expect(hurried).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    land('there');
    await expect(patient).resolves.toBe('there');
  });

  it('is not boarded by who left before', async () => {
    const { flight } = flying();
    await expect(flight.wait({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a failure', () => {
  const error = (code: ConstructorParameters<typeof NestorError>[0]): NestorError => new NestorError(code, 'it failed');

  it.each(['INFERENCE_FAILED', 'WORKER_LOST', 'MODEL_NOT_READY', 'QUEUE_FULL', 'INTERNAL'] as const)("%s is everybody's", (code) => {
    expect(flying(2).flight.isOfOthers(error(code), 2)).toBe(false);
  });

  it.each(['CANCELLED', 'DEADLINE_EXCEEDED', 'PAYLOAD_TOO_LARGE', 'INVALID_REQUEST'] as const)('%s is of the one who began it', (code) => {
    expect(flying().flight.isOfOthers(error(code), 1)).toBe(true);
  });

  it('of several keys may be the fault of another key', () => {
    expect(flying(2).flight.isOfOthers(error('INFERENCE_FAILED'), 1)).toBe(true);
  });
});
