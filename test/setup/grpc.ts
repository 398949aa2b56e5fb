// A plain gRPC client of the services that the server declares, and outcomes of calls that never throw.
import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import {
  Client,
  credentials,
  Metadata,
  status,
  type CallOptions,
  type ChannelOptions,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { serialize } from '../../src/grpc/message.js';
import { parseMessage } from '../../src/oip/message.js';

/** How a call ended; without a message where it failed. */
export interface Outcome<T> {
  /** Name of the status. */
  readonly status: string;
  readonly details: string;
  readonly message: T | undefined;
  /** Initial metadata of an answer, trailers of a failure. */
  readonly metadata: Record<string, string>;
}

interface Circumstances {
  readonly metadata?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export class GrpcClient {
  readonly #client: Client;

  constructor(address: string, options: ChannelOptions = {}) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1, ...options });
  }

  /** @param message bytes go as they are. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageInitShape<I> | Buffer,
    circumstances: Circumstances = {},
  ): Promise<Outcome<MessageShape<O>>> {
    const { metadata = {}, timeoutMs, signal } = circumstances;
    const bytes = Buffer.isBuffer(message) ? message : serialize(method.input)(create(method.input, message));
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    return new Promise((resolve) => {
      let initial = new Metadata();
      const done = (error: ServiceError | null, answer?: MessageShape<O>): void => {
        const { code = status.OK, details = '' } = error ?? {};
        resolve({ status: status[code], details, message: answer, metadata: flat(error?.metadata ?? initial) });
      };
      const path = `/${method.parent.typeName}/${method.name}`;
      const call = this.#client.makeUnaryRequest(path, (value: Buffer) => value, (answer) => parseMessage(method.output, answer, 'message'), bytes, sent, options, done); // prettier-ignore
      call.on('metadata', (received: Metadata) => (initial = received));
      signal?.addEventListener('abort', () => {
        call.cancel();
      });
    });
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    message: MessageInitShape<I>,
  ): ClientReadableStream<MessageShape<O>> {
    const path = `/${method.parent.typeName}/${method.name}`;
    return this.#client.makeServerStreamRequest(path, serialize(method.input), (answer) => parseMessage(method.output, answer, 'message'), create(method.input, message)); // prettier-ignore
  }

  close(): void {
    this.#client.close();
  }
}

function flat(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]));
}
