// A real receiver of traces, in a process of its own: OpenTelemetry's own messages in Python.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './paths.js';

export interface Link {
  readonly trace: string;
  readonly id: string;
}

export interface Span extends Link {
  readonly service: string;
  readonly parent: string;
  readonly name: string;
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly start: string;
  readonly end: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly Link[];
  readonly error: boolean;
}

export class OtlpReceiver {
  readonly spans: Span[] = [];
  readonly #child: ChildProcess;
  readonly #url: Promise<string>;

  constructor(interpreter: string) {
    this.#child = spawn(interpreter, [join(ROOT, 'test/clients/otlp_receiver.py')], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#url = new Promise((resolve, reject) => {
      this.#child.once('exit', () => {
        reject(new Error('the receiver ended'));
      });
      if (!this.#child.stdout) return;
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        if (line.startsWith('http')) resolve(line);
        else this.spans.push(JSON.parse(line) as Span);
      });
    });
  }

  /** Where it listens. */
  get url(): Promise<string> {
    return this.#url;
  }

  of(trace: string): Span[] {
    return this.spans.filter((span) => span.trace === trace);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}
