// Every cell of the comparison; a new one is a file beside this and a line here.
import type { Cell } from '../cell.ts';
import { digits } from './digits.ts';
import { embed } from './embed.ts';
import { hit } from './hit.ts';
import { openLoop } from './open-loop.ts';
import { zipf } from './zipf.ts';

export const CELLS: readonly Cell[] = [embed(1), embed(8), embed(32), digits(32), hit, zipf, openLoop];
