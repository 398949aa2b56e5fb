// What is said of a body that is no JSON.
import { invalid, reasonOf, type NestorError } from '../../errors.js';

/** @param from the byte from which on the reason counts its positions. */
export function notJson(thrown: unknown, from = 0): NestorError {
  const where = from > 0 ? ` (from byte ${from} on)` : '';
  return invalid('body', `The body is not JSON: ${reasonOf(thrown).slice(0, 120)}${where}`);
}
