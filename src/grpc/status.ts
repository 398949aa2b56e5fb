// An error -> the status that leaves: a code of gRPC, a message for people, and metadata for programs.
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { ERRORS, NestorError } from '../errors.js';

/** Trailer that says which code of errors.ts it was: several share a status. */
export const CODE_TRAILER = 'nestor-code';
/** Statuses travel as a header, and clients refuse long ones. */
const LONGEST_DETAILS = 1000;

/** The field that is to blame comes first: a status has no place of its own for it. */
export function statusOf({ code, field, message, retryAfter }: NestorError): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, code);
  // What retry policies of clients obey: https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback.
  if (retryAfter !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.ceil(retryAfter * 1000)));
  const text = field === undefined || message.startsWith(field) ? message : `${field}: ${message}`;
  return { code: status[ERRORS[code].grpcStatus], details: text.slice(0, LONGEST_DETAILS).toWellFormed(), metadata };
}

/** What has no code of its own; nothing of the inside leaves. */
export function nestorErrorOf(thrown: unknown): NestorError {
  return thrown instanceof NestorError ? thrown : new NestorError('INTERNAL', ERRORS.INTERNAL.title, { cause: thrown });
}
