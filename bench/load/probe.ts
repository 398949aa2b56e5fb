// Asks a health route at a steady pace, as an orchestrator would, while something else keeps the server busy.
import { percentile } from '../report/statistics.ts';
import { get } from './http.ts';

const EVERY_MS = 40;

/** Starts to ask; the returned function stops, waits for what is under way and gives the p99. */
export function startProbe(url: string): () => Promise<number> {
  const answers: Promise<number>[] = [];
  // On a clock of its own: a probe that waited for the last answer would ask a stalled server once only.
  const timer = setInterval(() => {
    const begin = performance.now();
    const elapsed = (): number => performance.now() - begin;
    answers.push(get(url).then(elapsed, elapsed));
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    return percentile(await Promise.all(answers), 99);
  };
}
