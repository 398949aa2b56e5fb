// The last part of `npm run soak`, and `npm run soak:short`: traffic of mixed lengths, over which memory stays where it is.
import { parseArgs } from 'node:util';
import { keepBusy } from './clients.ts';
import { median, slope, watch, type Sample } from './memory.ts';
import { seeded } from './random.ts';
import { Server } from './server.ts';
import { Tally } from './tally.ts';
import { errand, mixedLengths } from './traffic.ts';
import { learnTruth } from './truth.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } } });
const [SECONDS, SEED] = [Number(values.minutes) * 60, Number(values.seed)];
if (!(SECONDS > 0 && Number.isInteger(SEED))) throw new Error('--minutes must be a number above 0, --seed a whole number');
/** Share of the time in which memory may find its level. */
const SETTLING = 0.1;
const TENTHS = 10;
/**
 * V8 looks through the whole heap every other minute under this load, and until then all that has gone by counts. What ends before is judged
 * by what is left when it is made to look.
 */
const SHORT = SECONDS < 600;
const COLLECT_EVERY_MS = 5000;
/** Most growth over the rest, as a share of the memory. */
const MOST_GROWTH = SHORT ? 0.06 : 0.03;
/** Share of requests of all sorts: malformed, with deadlines, from clients that hang up. */
const ODD = 0.3;

// The cache takes part, small enough to be full before memory is judged.
const server = await Server.start({ CACHE: 'on', CACHE_MEMORY_BYTES: String(4 * 1024 * 1024) }, 'collectGarbage');
const truth = await learnTruth(server.url, seeded(SEED));
const tally = new Tally();
const memory: Sample[] = [];
process.stdout.write(`soaking ${server.url} for ${values.minutes} minutes, seed ${SEED}\n`);
const unwatch = watch(server, memory);
const collecting = setInterval(() => {
  if (SHORT) server.poke();
}, COLLECT_EVERY_MS);
const next = (random: () => number) => (random() < ODD ? errand(random, truth) : mixedLengths(random, truth));
await keepBusy(server, performance.now() + SECONDS * 1000, SEED, next, tally);
unwatch();
clearInterval(collecting);

const judged = memory.filter(({ seconds }) => seconds > SETTLING * SECONDS);
const level = median(judged.map(({ mib }) => mib));
const growth = (slope(judged) * (1 - SETTLING) * SECONDS) / 60 / level;
const path = Array.from({ length: TENTHS }, (_, tenth) => {
  const part = memory.filter(({ seconds }) => Math.floor((seconds / SECONDS) * TENTHS) === tenth);
  return median(part.map(({ mib }) => mib)).toFixed(0);
});
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
process.stdout.write(`${tally.table()}\n`);
process.stdout.write(`memory     ${path.join(' ')} MiB, by tenths of the time\n`);
process.stdout.write(
  `           ${slope(judged).toFixed(2)} MiB a minute after the first: ${percent(growth)} of ${level.toFixed(0)} MiB\n`,
);
const faults = [...tally.faults];
if (!(growth < MOST_GROWTH)) faults.push(`memory grew by ${percent(growth)}, more than ${percent(MOST_GROWTH)}`);
if (!server.alive) faults.push('the server died');
else if ((await server.stop()) !== 0) faults.push('the server did not end in order');
process.stdout.write(faults.length === 0 ? 'all is well\n' : `${faults.length} faults\n${faults.slice(0, 20).join('\n')}\n`);
process.exit(faults.length === 0 ? 0 : 1);
