// Room for bodies and messages that are on their way: what has come of them, over both doors, has a limit together, whatever each may have.
import { Injectable } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { NestorError } from '../errors.js';

/** Those that there is no room beside end, or lose their connection, as fast as their clients send. */
const RETRY_SECONDS = 1;

@Injectable()
export class BodyRoom {
  readonly #limit: number;
  #bytes = 0;

  constructor({ BODIES_LIMIT_BYTES, BODY_LIMIT_BYTES }: Environment) {
    // One that is alone always has room, unless it came compressed over gRPC: then what was sent counts beside what it becomes.
    this.#limit = Math.max(BODIES_LIMIT_BYTES, BODY_LIMIT_BYTES);
  }

  /** Bytes that have come of those whose end has not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much more would fit now. What was announced and has not come takes no room: announcing costs nothing. */
  has(bytes: number): boolean {
    return this.#bytes + bytes <= this.#limit;
  }

  /** For one body, until it has come or nobody waits for it any more. */
  place(): Place {
    let own = 0;
    let left = false;
    return {
      take: (bytes) => {
        if (left) return true;
        if (!this.has(bytes)) return false;
        this.#bytes += bytes;
        own += bytes;
        return true;
      },
      leave: () => {
        this.#bytes -= own;
        own = 0;
        left = true;
      },
    };
  }
}

export interface Place {
  /** Takes room for a piece that has come. @returns whether there was any. */
  readonly take: (bytes: number) => boolean;
  /** Gives all of it back; what comes afterwards is kept by nobody and takes none. */
  readonly leave: () => void;
}

/** For the client whose body does not fit. */
export function noRoom(): NestorError {
  return new NestorError('QUEUE_FULL', 'More is being sent to the server than it has room for; try again later', {
    field: 'body',
    retryAfter: RETRY_SECONDS,
  });
}
