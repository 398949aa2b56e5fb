// Single attempts with a key or without, over either door.
import { create, type DescMethodServerStreaming, type DescMethodUnary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { SERVICES } from '../../src/grpc/services.js';
import { serialize } from '../../src/grpc/message.js';
import { modelOf, type HttpRow } from './access-rows.js';
import { send, type Answer } from './client.js';
import type { Server } from './server.js';

export interface Attempt {
  readonly key?: string | undefined;
  readonly as?: 'Authorization' | 'X-API-Key';
  readonly model?: string;
}

/** One request of a row, with a key or without. */
export function attempt(
  server: Server,
  route: string,
  { body, headers = {} }: HttpRow,
  { key, as = 'Authorization', model = modelOf(route) }: Attempt,
): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ');
  const filled = path.replace(':model', model).replace(':version', '1');
  const credential = key === undefined ? {} : { [as]: as === 'Authorization' ? `Bearer ${key}` : key };
  const type = method === 'POST' ? { 'Content-Type': 'application/json' } : {};
  const text = body === undefined ? {} : { body: JSON.stringify(body).replace(':model', model) };
  return send(server.url + filled, { method, headers: { ...type, ...headers, ...credential }, ...text });
}

/** What a client reads of an error, whichever family of routes it comes from, without what differs between two requests. */
export function errorIn({ status: code, text }: Answer, model: string): string {
  return `${code} ${text.replaceAll(model, 'MODEL').replace(/urn:request:[\w-]+/, '')}`;
}

export interface Called {
  readonly status: string;
  readonly details: string;
  readonly message: string;
}

/** The first message of a call, or how it failed. */
export function call(
  server: Server,
  path: string,
  message: Record<string, unknown>,
  key: string | undefined,
  as = 'authorization',
): Promise<Called> {
  const method = methods.get(path);
  if (!method) throw new Error(`no method ${path}`);
  const metadata = new Metadata();
  if (key !== undefined) metadata.set(as, as === 'authorization' ? `Bearer ${key}` : key);
  const client = new Client(server.grpc, credentials.createInsecure());
  const bytes = serialize(method.input)(create(method.input, message));
  return new Promise<Called>((resolve) => {
    const same = (value: Buffer): Buffer => value;
    const failed = ({ code, details }: ServiceError): void => {
      resolve({ status: status[code], details, message: '' });
    };
    if (method.methodKind === 'unary') {
      client.makeUnaryRequest(path, same, same, bytes, metadata, (error, answer) => {
        if (error) failed(error);
        else resolve({ status: 'OK', details: '', message: answer?.toString('latin1') ?? '' });
      });
      return;
    }
    const stream = client.makeServerStreamRequest(path, same, same, bytes, metadata);
    stream.on('error', failed).on('data', (answer: Buffer) => {
      resolve({ status: 'OK', details: '', message: answer.toString('latin1') });
      stream.cancel();
    });
  }).finally(() => {
    client.close();
  });
}

/** By path. */
export const methods = new Map(
  SERVICES.flatMap(({ methods: all }) => all).map((method) => [
    `/${method.parent.typeName}/${method.name}`,
    method as DescMethodUnary | DescMethodServerStreaming,
  ]),
);
