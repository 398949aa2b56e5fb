// A refusal by access: for the client an error of the table, for the audit log also why.
import { NestorError, type ErrorCode } from '../errors.js';

export class Denial extends NestorError {
  /**
   * @param reason for the audit log alone: what the client hears must not tell a wrong secret from an unknown key.
   * @param caller id, where it is known.
   */
  constructor(
    code: ErrorCode,
    message: string,
    readonly reason: string,
    readonly caller?: string,
    field?: string,
  ) {
    super(code, message, field === undefined ? {} : { field });
  }
}

const HOW = 'Send a key or a token as Authorization: Bearer, or as X-API-Key';

export function unauthenticated(message: string, reason: string, caller?: string): Denial {
  return new Denial('UNAUTHENTICATED', `${message}. ${HOW}`, reason, caller);
}

export function forbidden(message: string, caller: string): Denial {
  return new Denial('FORBIDDEN', message, 'scope', caller);
}
