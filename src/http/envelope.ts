// The outer fields of a JSON body against their DTO; the bulk inside is checked where it is copied.
import { validateSync } from 'class-validator';
import { invalid, type NestorError } from '../errors.js';

/**
 * A null counts as absent, as clients write it who fill in every field.
 * @param unknownFields with `lenient` they are dropped.
 * @returns an instance of the DTO that refers to the parsed values: nothing is cloned, however large.
 * @throws NestorError INVALID_REQUEST for the first field that is wrong, missing or, unless `lenient`, unknown.
 */
export function envelope<T extends object>(dto: new () => T, body: unknown, unknownFields: 'strict' | 'lenient' = 'strict'): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'The body must be a JSON object');
  // Names that every object has: assigned, they would take the place of its prototype or its constructor.
  const inherited = Object.keys(body).find((key) => key in Object.prototype);
  if (inherited) throw unknown(inherited);
  const instance = Object.assign(new dto(), Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)));
  const [fault] = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: unknownFields === 'strict',
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  });
  if (fault?.constraints?.whitelistValidation) throw unknown(fault.property);
  if (fault) throw invalid(fault.property, Object.values(fault.constraints ?? {})[0] ?? `${fault.property} is not valid`);
  return instance;
}

function unknown(field: string): NestorError {
  return invalid(field, `${field} is not a field of this request; leave it out`);
}
