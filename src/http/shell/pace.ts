// Whether the client of a connection keeps pace: it sends the body that it began, it reads the answer that it asked for.
import type { Socket } from 'node:net';

/** What is not slow. */
export interface LeastPace {
  /** Over so many seconds ... */
  readonly seconds: number;
  /** ... so many bytes a second. */
  readonly rate: number;
}

/** What of a socket tells how far it is. */
type Progress = Pick<Socket, 'bytesRead' | 'bytesWritten' | 'writableLength'>;

interface Snapshot {
  readonly at: number;
  readonly sending: object | undefined;
  readonly read: number;
  /** Bytes of writes that have ended. */
  readonly written: number;
  /** Bytes of the write under way that the system has not taken yet. */
  readonly queued: number;
}

export class Pace {
  #before: Snapshot | undefined;

  constructor(private readonly socket: Progress) {}

  /**
   * Asked several times within the seconds of the least pace, it knows after one to two times those.
   * @param now in ms.
   * @param sending the request whose body has still to come, if there is one.
   * @param afresh forget what was: the server itself stood still.
   */
  slow(now: number, sending: object | undefined, { seconds, rate }: LeastPace, afresh = false): 'sender' | 'reader' | undefined {
    const reading = this.socket.writableLength > 0;
    if (!sending && !reading) {
      this.#before = undefined;
      return undefined;
    }
    const before = this.#before;
    if (before && !afresh && now - before.at < seconds * 1000) return undefined;
    const { bytesRead: read, bytesWritten, writableLength } = this.socket;
    const after = { at: now, sending, read, written: bytesWritten - writableLength, queued: queuedBytes(this.socket) };
    this.#before = after;
    if (!before || afresh) return undefined;
    const least = seconds * rate;
    if (sending && before.sending === sending && after.read - before.read < least) return 'sender';
    // A write that ended counts whole: of one that goes on, what the system took of it.
    const stands = after.written === before.written && before.queued > 0 && before.queued - after.queued < least;
    return reading && stands ? 'reader' : undefined;
  }
}

/** Node's own socket time-out looks there too: the public figures move only when a whole write has ended, which may be an answer of 30 MB. */
function queuedBytes(socket: Progress): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
