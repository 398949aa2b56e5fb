// The ceiling beside the servers: the same texts offline, and the vectors that every server should answer with.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PEERS, PYTHON, ROOT } from './paths.ts';

/** Texts per second: the most a server could do on this machine, by two ways to use all cores. */
export interface Rates {
  readonly oneSession: number;
  readonly oneProcessPerCore: number;
}

/** Its processes hold their sessions from the first question on, and are idle between the questions. */
export class Ceiling {
  private readonly child = spawn(PYTHON, [join(PEERS, 'ceiling.py')], {
    env: { ...process.env, BENCH_MODELS: join(ROOT, 'models'), PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  private readonly answers = createInterface(this.child.stdout)[Symbol.asyncIterator]();

  async rates(texts: readonly string[]): Promise<Rates> {
    return (await this.ask({ rates: texts })) as Rates;
  }

  async vectors(texts: readonly string[]): Promise<number[][]> {
    return (await this.ask({ vectors: texts })) as number[][];
  }

  stop(): void {
    this.child.stdin.end();
  }

  private async ask(question: Readonly<Record<string, readonly string[]>>): Promise<unknown> {
    this.child.stdin.write(`${JSON.stringify(question)}\n`);
    const answer = await this.answers.next();
    if (answer.done) throw new Error('ceiling.py gave no answer; its complaint is above');
    return JSON.parse(answer.value);
  }
}
