// The Dockerfile as stages of instructions.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/paths.js';

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** Default values of the arguments before the first stage, and the stages in order. */
export function dockerfile(): { args: Map<string, string>; stages: Stage[] } {
  const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  const args = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n')) {
    const [, name = '', text = ''] = /^(\w+)\s+(.*)$/.exec(instruction) ?? [];
    const stage = stages.at(-1);
    if (name === 'FROM') {
      const [from = '', , alias = ''] = text.split(/\s+/);
      stages.push({ name: alias, from: from.replace(/^\$\{(\w+)\}$/, (_, arg: string) => args.get(arg) ?? arg), instructions: [] });
    } else if (stage) stage.instructions.push({ name, text: text.replaceAll(/\s+/g, ' ') });
    else args.set(text.split('=')[0] ?? '', text.split('=')[1] ?? '');
  }
  return { args, stages };
}
