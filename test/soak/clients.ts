// Clients that ask one thing after the other, each with dice of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from './client.ts';
import { seeded, type Random } from './random.ts';
import type { Server } from './server.ts';
import type { Tally } from './tally.ts';
import type { Errand } from './traffic.ts';

const CLIENTS = 48;
const BUSY = [429, 503];

/** @param end point of `performance.now()` from which on nobody asks again. */
export async function keepBusy(server: Server, end: number, seed: number, next: (random: Random) => Errand, tally: Tally): Promise<void> {
  const client = async (number: number): Promise<void> => {
    const random = seeded(seed * 1000 + number);
    while (performance.now() < end && server.alive) {
      const { name, shipment, fault } = next(random);
      tally.sent += 1;
      const ending = await post(server.url, shipment);
      tally.note(name, ending, fault(ending));
      if (ending.kind === 'answer' && BUSY.includes(ending.status)) await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
}
