// A request there and its answer back: headers, deadline, retries.
import { Answer } from './answer.js';
import { NestorError } from './error.js';
import { Limit } from './limit.js';
import { refusalOf } from './refusal.js';
import { pauseMs } from './retry.js';

/** What the server takes; a longer deadline is kept here alone. */
const LONGEST_REQUEST_TIMEOUT_MS = 3_600_000;

export interface ClientOptions {
  /** A key or a token, sent as `Authorization: Bearer`. A function is asked at every try, for those that expire; what it throws is thrown. */
  readonly apiKey?: string | (() => string | Promise<string>);
  /** For every request, such as those that a gateway asks for. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default of every call. */
  readonly timeoutMs?: number;
  /** Tries after the first, for 429, 503 and lost connections; 3 by default. */
  readonly retries?: number;
  /** Instead of the runtime's own. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /**
   * Milliseconds until the answer is worthless, over all tries. The server is told what is left of it and refuses at once
   * what it cannot do in time.
   */
  readonly timeoutMs?: number | undefined;
  /** Drops the request, there too: it leaves the queue. The call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Urgency, 0 (first) to 7 (last); 3 by default (RFC 9218). */
  readonly priority?: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | undefined;
  /** Found again in the server's log and in errors; the server makes one otherwise. */
  readonly requestId?: string | undefined;
  readonly retries?: number | undefined;
}

export interface Exchange {
  readonly path: string;
  readonly accept: string;
  /** A POST; a GET without. */
  readonly body?: { readonly type: string; readonly bytes: string | Uint8Array<ArrayBuffer> };
  /** Statuses besides 2xx that are an answer and no refusal, where what was asked for comes with them. */
  readonly answers?: readonly number[];
}

export class Transport {
  readonly #base: string;

  constructor(
    baseUrl: string,
    private readonly options: ClientOptions,
  ) {
    if (!isBase(baseUrl)) {
      // It is not repeated: it may hold a password.
      throw new NestorError(
        'INVALID_REQUEST',
        'baseUrl is no URL of HTTP, like http://localhost:8000, without user and password: a key goes into apiKey',
        { field: 'baseUrl' },
      );
    }
    this.#base = baseUrl.replace(/\/+$/, '');
  }

  /** @throws NestorError, or the reason of the caller's signal. */
  async send(exchange: Exchange, call: CallOptions): Promise<Answer> {
    const { retries = this.options.retries ?? 3, timeoutMs = this.options.timeoutMs, signal, requestId } = call;
    const limit = new Limit(timeoutMs, signal, requestId);
    try {
      for (let attempt = 0; ; attempt++) {
        const outcome = await this.#try(exchange, call, limit);
        if (outcome instanceof Answer) return outcome;
        const pause = attempt < retries ? pauseMs(outcome, attempt, Math.random()) : undefined;
        // An error that says why is worth more than a deadline that passes while nothing happens.
        if (pause === undefined || pause >= limit.remainingMs) throw outcome;
        await limit.pause(pause);
      }
    } finally {
      limit.close();
    }
  }

  async #try({ path, body, accept, answers }: Exchange, call: CallOptions, limit: Limit): Promise<Answer | NestorError> {
    const { apiKey } = this.options;
    const key = typeof apiKey === 'function' ? await limit.within(apiKey()) : apiKey;
    const headers = this.#headers({ Accept: accept, ...(body && { 'Content-Type': body.type }) }, key, call, limit);
    const fetcher = this.options.fetch ?? fetch;
    try {
      limit.signal.throwIfAborted();
      const init = { method: body ? 'POST' : 'GET', headers, signal: limit.signal, ...(body && { body: body.bytes }) };
      const answer = await Answer.of(await fetcher(`${this.#base}${path}`, init));
      const good = (answer.status >= 200 && answer.status < 300) || (answers?.includes(answer.status) && answer.isOf(accept));
      return good ? answer : refusalOf(answer);
    } catch (thrown) {
      limit.signal.throwIfAborted();
      const reason = causeOf(thrown);
      return new NestorError('CONNECTION_FAILED', `No answer from ${this.#base || 'the server'}: ${reason}`, {
        title: 'The connection failed',
        requestId: call.requestId,
        cause: thrown,
      });
    }
  }

  /** @throws NestorError INVALID_REQUEST for values that no header can have; it does not repeat them, one may be the key. */
  #headers(format: Record<string, string>, key: string | undefined, { priority, requestId }: CallOptions, limit: Limit): Headers {
    const { headers } = this.options;
    const remaining = limit.remainingMs;
    try {
      return new Headers({
        ...headers,
        ...format,
        ...(key !== undefined && { Authorization: `Bearer ${key}` }),
        ...(remaining <= LONGEST_REQUEST_TIMEOUT_MS && { 'Request-Timeout': (Math.max(remaining, 1) / 1000).toFixed(3) }),
        ...(priority !== undefined && { Priority: `u=${priority}` }),
        ...(requestId !== undefined && { 'X-Request-Id': requestId }),
      });
    } catch {
      throw new NestorError('INVALID_REQUEST', 'apiKey, requestId and headers must be values that a header can have', { field: 'headers' });
    }
  }
}

/** A URL that `fetch` takes, or a path of the page's own origin. */
function isBase(text: string): boolean {
  if (text === '' || text.startsWith('/')) return true;
  if (!/^https?:\/\/[^/]/.test(text)) return false;
  try {
    const { username, password } = new URL(text);
    return username === '' && password === '';
  } catch {
    return false;
  }
}

/** Node's fetch says only that it failed; why is underneath. */
function causeOf(thrown: unknown): string {
  const { code, message } = ((thrown as { cause?: unknown }).cause ?? thrown) as { code?: string; message?: string };
  return [code, message].filter(Boolean).join(': ') || String(thrown);
}
