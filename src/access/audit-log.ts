// Who did what: JSON lines on a stream of their own, without any secret and without anything that was sent.
import { openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { openLines, type LineStream } from '../telemetry/line-stream.js';
import type { Caller } from './caller.js';
import type { Denial } from './denial.js';

const STDERR = 2;
/** What repeats within this time is counted, and not written again: a stranger must not be able to fill the disk. */
const WINDOW_MS = 60_000;
/** More different denials within a window are told apart by what is wrong alone: nobody stands there for others. */
const MOST_WINDOWS = 1000;
/** How long the process waits for the last lines when it ends. */
const LAST_LINES_MS = 1000;

/** Where somebody came in. */
export interface Visit {
  readonly door: 'http' | 'grpc';
  /** The template of the path, or the full name of the method; never what a client made up. */
  readonly route: string;
  readonly address: string | undefined;
  readonly requestId: string;
}

export type AuditEvent = { readonly event: 'used' | 'denied' | 'admin' | 'keys' } & Readonly<Record<string, unknown>>;

interface Window {
  readonly event: AuditEvent;
  repeats: number;
}

@Injectable()
export class AuditLog implements OnApplicationShutdown {
  readonly #stream: LineStream | undefined;
  readonly #windows = new Map<string, Window>();
  readonly #timer: NodeJS.Timeout;

  /** @throws Error that names AUDIT_LOG where its file cannot be written. */
  constructor({ AUDIT_LOG: target }: Environment) {
    this.#stream = target === 'off' ? undefined : opened(target);
    this.#timer = setInterval(() => {
      this.#close();
    }, WINDOW_MS).unref();
  }

  /** Undefined fields are left out. */
  write(event: AuditEvent): void {
    this.#stream?.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  }

  /** The first of its kind at once; how often it came again, when its minute is over. */
  denied({ code, reason, caller }: Denial, visit: Visit): void {
    const kind = [code, reason, caller, visit.route, visit.address].join(' ');
    if (this.#windows.size < MOST_WINDOWS || this.#windows.has(kind))
      this.#count(kind, { event: 'denied', code, reason, caller, ...visit });
    else this.#count(`${code} ${reason}`, { event: 'denied', code, reason });
  }

  #count(kind: string, event: AuditEvent): void {
    const window = this.#windows.get(kind);
    if (window) {
      window.repeats++;
      return;
    }
    this.#windows.set(kind, { event, repeats: 0 });
    this.write(event);
  }

  /** @param model as the client calls it. */
  administered({ id, tenant }: Caller, model: string | undefined, outcome: number | string, visit: Visit): void {
    this.write({ event: 'admin', caller: id, tenant, model: model?.slice(0, 128), outcome, ...visit });
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#close();
    const written = new Promise<void>((resolve) => {
      if (!this.#stream) resolve();
      // Told of the disk's refusal as well, which is said already.
      this.#stream?.flush(() => {
        resolve();
      });
    });
    await Promise.race([written, setTimeout(LAST_LINES_MS, undefined, { ref: false })]);
  }

  #close(): void {
    for (const { event, repeats } of this.#windows.values()) if (repeats > 0) this.write({ ...event, requestId: undefined, repeats });
    this.#windows.clear();
  }
}

/** Every line goes out by itself. */
function opened(target: string): LineStream {
  const logger = new Logger(AuditLog.name);
  try {
    return openLines({ dest: target === 'stderr' ? STDERR : openSync(target, 'a', 0o640), minLength: 1 }, (reason) => {
      logger.error(`AUDIT_LOG=${target}: ${reason}; lines of the audit log are lost`);
    });
  } catch (thrown) {
    throw new Error(`AUDIT_LOG=${target}: ${(thrown as Error).message}`, { cause: thrown });
  }
}
