// Calls that wait for their client: for the message that it sends, then for the answer to be read. One that waits too long is ended.
import { constants } from 'node:http2';
import type { ServerInterceptingCall } from '@grpc/grpc-js';
import { noRoom, type BodyRoom, type Place } from '../access/body-room.js';
import { NestorError } from '../errors.js';
import { statusOf } from './status.js';
import { hasEnded, streamOf } from './stream.js';

const LOOKS = 4;
const LONGEST_MS = 1000;

type Ended = Pick<ServerInterceptingCall, 'sendStatus'>;

interface Wait {
  readonly since: number;
  readonly for: 'message' | 'reader';
  /** What the message takes while it comes. */
  readonly place?: Place;
}

export class Arrivals {
  /** Those that have waited for longest first. */
  readonly #waiting = new Map<Ended, Wait>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param seconds that a client has.
   * @param room that messages share with all others, and with bodies.
   */
  constructor(
    private readonly seconds: number,
    private readonly room: BodyRoom,
  ) {}

  watch(): void {
    const every = Math.min(LONGEST_MS, (this.seconds * 1000) / LOOKS);
    this.#timer = setInterval(() => {
      this.#look(performance.now() - this.seconds * 1000);
    }, every).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  expectMessage(call: Ended): void {
    this.#waiting.set(call, { since: performance.now(), for: 'message', place: this.room.place() });
    streamOf(call)?.on('data', (frame: Buffer) => {
      this.take(call, frame.length);
    });
  }

  /** Takes room for a piece of its message, as it came or decompressed. @returns whether anybody waits for it still. */
  take(call: Ended, bytes: number): boolean {
    const place = this.#waiting.get(call)?.place;
    if (!place) return false;
    if (place.take(bytes)) return true;
    this.#refuse(call, noRoom());
    return false;
  }

  /** Not of a call that has ended already, about which nobody says so again. */
  expectReader(call: Ended): void {
    this.done(call);
    if (hasEnded(call)) return;
    this.#waiting.set(call, { since: performance.now(), for: 'reader' });
  }

  /** The client did its part, or the call has ended. */
  done(call: Ended): void {
    this.#waiting.get(call)?.place?.leave();
    this.#waiting.delete(call);
  }

  #look(before: number): void {
    for (const [call, wait] of this.#waiting) {
      if (wait.since > before) return;
      if (wait.for === 'message') this.#refuse(call, tooSlow());
      else {
        this.done(call);
        streamOf(call)?.close(constants.NGHTTP2_CANCEL);
      }
    }
  }

  #refuse(call: Ended, reason: NestorError): void {
    this.done(call);
    call.sendStatus(statusOf(reason));
  }
}

function tooSlow(): NestorError {
  return new NestorError('REQUEST_TIMEOUT', 'The message did not arrive in time; send it again', { field: 'message' });
}
