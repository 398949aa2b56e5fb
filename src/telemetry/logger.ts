// The log of the process: JSON lines, written beside the event loop, without the roll call of the framework and without secrets.
import { writeSync } from 'node:fs';
import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import { openLines, type LineStream } from './line-stream.js';

/** Parts of Nest that name every module and route at boot. */
const ROLL_CALL = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication', 'NestMicroservice']);
const INFO = 30;

/** Lines wait for others to be written with, for this long and up to this many bytes. */
const FLUSH_MS = 50;
const BLOCK_BYTES = 8 * 1024;

/** Fields under which headers, bodies and secrets travel in libraries' objects; Nestor logs none of them itself. */
const PRIVATE = ['authorization', 'body', 'config', 'cookie', 'headers', 'input', 'inputs', 'instances', 'password', 'payload', 'req', 'request', 'res', 'token']; // prettier-ignore

const STDOUT = 1;
const STDERR = 2;

/** The stream of standard output; what is a warning or worse leaves at once. */
function output(): LineStream {
  return openLines({ dest: STDOUT, minLength: BLOCK_BYTES, flushAfterMs: FLUSH_MS }, (reason) => {
    try {
      writeSync(STDERR, `The log cannot be written: ${reason}; lines are lost\n`);
    } catch {
      // Both lead to the same disk.
    }
  });
}

export function createLogger(level: string, stream: DestinationStream & { flush?: () => void } = output()): Logger {
  return pino(
    {
      level,
      redact: { paths: PRIVATE, censor: '[redacted]' },
      serializers: { err: describeError },
      hooks: {
        logMethod(args, method, severity) {
          const [fields] = args as [unknown];
          const context = typeof fields === 'object' && fields !== null ? (fields as { context?: string }).context : undefined;
          if (severity > INFO || !context || !ROLL_CALL.has(context)) method.apply(this, args);
          if (severity > INFO) stream.flush?.();
        },
      },
    },
    stream,
  );
}

/** What happened and where. Errors of libraries carry more: requests, their headers, addresses with passwords. */
function describeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? withoutPasswords(thrown) : thrown;
  const { type, message, stack } = stdSerializers.err(thrown);
  return { type, message: withoutPasswords(message), stack: withoutPasswords(stack) };
}

function withoutPasswords(text: string): string {
  return text.replaceAll(/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@]+@/gi, '$1***@');
}
