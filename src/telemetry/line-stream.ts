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
  readonly periodicFlush?: number;
}

/**
 * A disk that is full, a reader that is gone or stands still: that costs lines, and neither a request nor the process.
 * @param onLost told why, once, and again when lines were written meanwhile.
 */
export function openLines(options: Options, onLost: (reason: string) => void): LineStream {
  const stream = pino.destination({ ...options, sync: false, maxLength: MOST_WAITING });
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
