// Plain HTTP requests over kept connections, as many at once as are asked for.
import { Agent, request, type RequestOptions } from 'node:http';

export interface Answer {
  readonly status: number;
  /** Seconds of the Retry-After header, if there was one. */
  readonly retryAfter: number | undefined;
  readonly body: Buffer;
}

/** A server that hangs must not hang the bench; longer than the slowest peer makes anyone wait. */
const SILENCE_MS = 60_000;

const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });

export function get(url: string): Promise<Answer> {
  return send(url, { method: 'GET', agent });
}

export function postJson(
  url: string,
  body: string,
  options: Pick<RequestOptions, 'signal' | 'timeout'> & { headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const headers = { ...options.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return send(url, { method: 'POST', agent, ...options, headers }, body);
}

function send(url: string, options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { timeout: SILENCE_MS, ...options }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const retryAfter = incoming.headers['retry-after'];
        resolve({
          status: incoming.statusCode ?? 0,
          retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
          body: Buffer.concat(chunks),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`No answer from ${url}`)));
    outgoing.end(body);
  });
}
