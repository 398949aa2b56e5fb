// Is anything else at work on this machine? Figures taken beside other work mean nothing, so the bench says so.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const BUSY = 0.1;

/** Looks for half a second, while nothing of the bench runs. */
export async function isBusy(): Promise<boolean> {
  const before = ticks();
  await sleep(500);
  const after = ticks();
  return 1 - (after.idle - before.idle) / (after.all - before.all) > BUSY;
}

function ticks(): { all: number; idle: number } {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  // The fourth and fifth are idle time and waiting for a disk.
  return { all: fields.reduce((sum, each) => sum + each, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
}
