// The outer fields of a JSON body against their DTO; the bulk inside is checked where it is copied.
import { validateSync } from 'class-validator';
import { invalid } from '../errors.js';

/**
 * @returns an instance of the DTO that refers to the parsed values: nothing is cloned, however large.
 * @throws NestorError INVALID_REQUEST for the first field that is wrong, missing or unknown.
 */
export function envelope<T extends object>(dto: new () => T, body: unknown): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'The body must be a JSON object');
  // As an own property it would become the prototype of whatever the body is assigned to.
  if (Object.hasOwn(body, '__proto__')) throw invalid('__proto__', 'property __proto__ should not exist');
  const instance = Object.assign(new dto(), body);
  const [fault] = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  });
  if (fault) throw invalid(fault.property, Object.values(fault.constraints ?? {})[0] ?? `${fault.property} is not valid`);
  return instance;
}
