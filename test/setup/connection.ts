// Single requests on connections of their own, whose fate can be told apart.
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

export type Fate =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'lost'; readonly reason: string };

/** Posts JSON on a new connection: answered to the end, refused at connect, or lost somewhere between. */
export function postAlone(url: string, body: unknown): Promise<Fate> {
  return new Promise((resolve) => {
    const lose = (error: NodeJS.ErrnoException): void => {
      resolve(error.code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'lost', reason: error.message });
    };
    const call = request(url, { method: 'POST', agent: false, headers: { 'Content-Type': 'application/json' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', lose);
      response.on('end', () => {
        if (response.complete) resolve({ kind: 'answered', status: response.statusCode ?? 0, text });
        else lose(new Error('the answer was cut'));
      });
    });
    call.on('error', lose);
    call.end(JSON.stringify(body));
  });
}

/** A connection on which a request was begun: its head, and as much of the body as is given. */
export async function begun(url: string, bytes: number, part: string, headers: Readonly<Record<string, string>> = {}): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  const head = [`POST ${pathname} HTTP/1.1`, `Host: ${hostname}`, 'Content-Type: application/json', `Content-Length: ${bytes}`];
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  await new Promise((sent) => socket.write(`${head.join('\r\n')}\r\n\r\n${part}`, sent));
  return socket;
}
