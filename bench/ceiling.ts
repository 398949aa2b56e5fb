// The ceiling beside the servers: the same texts offline, and the vectors that every server should answer with.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { PEERS, PYTHON, ROOT } from './paths.ts';

/** The most a server could do on this machine; the better of two ways to use all cores. */
export interface Ceiling {
  readonly oneSession: number;
  readonly oneProcessPerCore: number;
  /** Of the first texts. */
  readonly vectors: readonly (readonly number[])[];
}

export async function measureCeiling(texts: readonly string[]): Promise<Ceiling> {
  const child = spawn(PYTHON, [join(PEERS, 'ceiling.py')], {
    env: { ...process.env, BENCH_MODELS: join(ROOT, 'models'), PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(texts));
  const output = await text(child.stdout);
  if (output === '') throw new Error('ceiling.py gave no answer; its complaint is above');
  return JSON.parse(output) as Ceiling;
}
