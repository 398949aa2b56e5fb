// What came of the requests: a table for people, and the sums that the checks need.
import type { Ending } from './client.ts';

interface Row {
  readonly endings: Map<string, number>;
  /** Milliseconds of the answers with status 200. */
  readonly times: number[];
}

export class Tally {
  readonly #rows = new Map<string, Row>();
  readonly faults: string[] = [];
  sent = 0;
  answered = 0;
  hungUp = 0;

  note(name: string, ending: Ending, fault: string | undefined): void {
    const row = this.#rows.get(name) ?? { endings: new Map<string, number>(), times: [] };
    this.#rows.set(name, row);
    const label = ending.kind === 'answer' ? String(ending.status) : ending.kind;
    row.endings.set(label, (row.endings.get(label) ?? 0) + 1);
    if (ending.kind === 'answer') this.answered += 1;
    if (ending.kind === 'answer' && ending.status === 200) row.times.push(ending.ms);
    if (ending.kind === 'hung up') this.hungUp += 1;
    if (fault !== undefined) this.faults.push(`${name}: ${fault}`);
  }

  table(): string {
    const lines = [...this.#rows].sort().map(([name, { endings, times }]) => {
      const sorted = times.sort((a, b) => a - b);
      const quantile = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(0).padStart(6);
      const counts = [...endings].sort().map(([label, count]) => `${label} x ${count}`);
      return `${name.padEnd(10)} ${quantile(0.5)} ${quantile(0.99)}  ${counts.join(', ')}`;
    });
    return ['kind       p50 ms p99 ms  endings', ...lines].join('\n');
  }
}
