// Requests over kept connections, each of which ends in exactly one way.
import { Agent, request } from 'node:http';

export interface Shipment {
  readonly path: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client hangs up after so long. */
  readonly hangUpAfterMs?: number;
}

export type Ending =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly ms: number }
  | { readonly kind: 'hung up' }
  | { readonly kind: 'lost'; readonly reason: string };

/** Longer than any request may take. */
const SILENCE_MS = 60_000;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });

export function post(url: string, { path, body, headers = {}, hangUpAfterMs }: Shipment): Promise<Ending> {
  return exchange(url + path, 'POST', body, { 'content-type': 'application/json', ...headers }, hangUpAfterMs);
}

export async function get(url: string): Promise<{ status: number; body: string }> {
  const ending = await exchange(url, 'GET', '', {});
  if (ending.kind !== 'answer') throw new Error(`${url} does not answer`);
  return ending;
}

function exchange(
  url: string,
  method: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
  hangUpAfterMs?: number,
): Promise<Ending> {
  return new Promise((resolve) => {
    const started = performance.now();
    let hungUp = false;
    const outgoing = request(url, {
      method,
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      timeout: SILENCE_MS,
    });
    const hangUp = (): void => {
      hungUp = true;
      outgoing.destroy();
    };
    const timer = hangUpAfterMs === undefined ? undefined : setTimeout(hangUp, hangUpAfterMs);
    const end = (ending: Ending): void => {
      clearTimeout(timer);
      resolve(ending);
    };
    const fail = (error: Error): void => {
      end(hungUp ? { kind: 'hung up' } : { kind: 'lost', reason: error.message });
    };
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${SILENCE_MS} ms`)));
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', fail);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        end({ kind: 'answer', status: incoming.statusCode ?? 0, body: text, ms: performance.now() - started });
      });
    });
    outgoing.end(body);
  });
}
