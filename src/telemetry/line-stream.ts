// Lines on a file or a standard stream, written beside the event loop.
import { pino } from 'pino';

export type LineStream = ReturnType<typeof pino.destination>;

/** Of lines that wait to be written, in bytes; more are dropped. */
const MOST_WAITING = 16 * 1024 * 1024;

interface Options {
  /** A file descriptor. */
  readonly dest: number;
  /** Bytes that wait for others to be written with. */
  readonly minLength: number;
  /** Milliseconds that they wait at most; undefined: for as long as no others come. */
  readonly flushAfterMs?: number;
}

/**
 * A disk that is full, a reader that is gone or stands still: that costs lines, and neither a request nor the process.
 * @param onLost told why, once, and again when lines were written meanwhile.
 */
export function openLines({ dest, minLength, flushAfterMs }: Options, onLost: (reason: string) => void): LineStream {
  const stream = pino.destination({ dest, minLength, sync: false, maxLength: MOST_WAITING });
  if (flushAfterMs !== undefined) flushAfter(flushAfterMs, stream);
  let failing = false;
  const lost = (reason: string): void => {
    if (!failing) onLost(reason);
    failing = true;
  };
  stream.on('error', ({ message }: Error) => {
    lost(message);
  });
  stream.on('drop', () => {
    lost('they are not taken as fast as they come');
  });
  stream.on('drain', () => (failing = false));
  // At the exit pino calls it, and it tries again without end what cannot be written.
  const flushSync = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    if (!failing) flushSync();
  };
  return stream;
}

/** pino's own flush writes nothing, twenty times a second, while there is nothing to write: a fifth of the wakes of an idle server. */
function flushAfter(ms: number, stream: LineStream): void {
  const write = stream.write.bind(stream);
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  stream.write = (line) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      again = true;
      stream.flush();
    }, ms).unref();
    return write(line);
  };
  // Where something was being written just then, the flush came to nothing.
  stream.on('drain', () => {
    if (!again) return;
    again = false;
    stream.flush();
  });
}
