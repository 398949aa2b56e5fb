// The command line of the bench.
import { parseArgs } from 'node:util';

export interface Options {
  /** All servers are started anew in each. */
  readonly rounds: number;
  /** Of each server in each cell of a round. */
  readonly turns: number;
  /** Length of a turn. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Names of servers; empty: all. */
  readonly only: readonly string[];
  /** Names of cells; empty: all. */
  readonly cells: readonly string[];
  readonly skipInstall: boolean;
  readonly smoke: boolean;
}

const SMOKE = { rounds: '1', seconds: '4', warmup: '1', only: 'nestor,fastapi-threadpool-1', cells: 'embed-32' };

export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      turns: { type: 'string', default: '3' },
      seconds: { type: 'string' },
      warmup: { type: 'string' },
      only: { type: 'string' },
      cells: { type: 'string' },
      'skip-install': { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
    },
  });
  const defaults = values.smoke ? SMOKE : { rounds: '3', seconds: '3', warmup: '3', only: '', cells: '' };
  const list = (text: string): string[] => text.split(',').filter(Boolean);
  return {
    rounds: positive('rounds', values.rounds ?? defaults.rounds),
    turns: positive('turns', values.turns),
    seconds: positive('seconds', values.seconds ?? defaults.seconds),
    warmupSeconds: positive('warmup', values.warmup ?? defaults.warmup),
    only: list(values.only ?? defaults.only),
    cells: list(values.cells ?? defaults.cells),
    skipInstall: values['skip-install'],
    smoke: values.smoke,
  };
}

/** wrk takes whole seconds only. */
function positive(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} ${text}: must be a whole number above 0`);
  return Number(text);
}

/** What was asked for of what there is, in the order of the table. */
export function choose<T extends { readonly name: string }>(what: string, wanted: readonly string[], table: readonly T[]): T[] {
  const unknown = wanted.filter((name) => !table.some((entry) => entry.name === name));
  if (unknown.length > 0) {
    throw new Error(`No ${what} ${unknown.join(', ')}; there are ${table.map((entry) => entry.name).join(', ')}`);
  }
  return table.filter((entry) => wanted.length === 0 || wanted.includes(entry.name));
}
