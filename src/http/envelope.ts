// The outer fields of a JSON body against their DTO; the bulk inside is checked where it is copied.
import { getMetadataStorage, validateSync, type ValidatorOptions } from 'class-validator';
import { invalid, type NestorError } from '../errors.js';
import { isObject } from './codecs/document-value.js';

const VALIDATION: ValidatorOptions = { stopAtFirstError: true, validationError: { target: false, value: false } };

/** The outer fields of a body, with the rules of class-validator for each. */
interface Dto<T> {
  new (): T;
  /** Whether the body is one of the many that are certainly right, so that nobody need go through the rules. */
  readonly isPlain?: (body: T) => boolean;
}

/** The fields that a DTO declares. */
const declared = new Map<new () => object, ReadonlySet<string>>();

/**
 * A null counts as absent, as clients write it who fill in every field.
 * @param unknownFields with `lenient` they are dropped.
 * @returns an instance of the DTO that refers to the parsed values: nothing is cloned, however large.
 * @throws NestorError INVALID_REQUEST for the first field that is wrong, missing or, unless `lenient`, unknown.
 */
export function envelope<T extends object>(dto: Dto<T>, body: unknown, unknownFields: 'strict' | 'lenient' = 'strict'): T {
  if (!isObject(body)) throw invalid('body', 'The body must be a JSON object');
  const instance = new dto();
  const known = fieldsOf(dto);
  for (const [field, value] of Object.entries(body)) {
    if (known.has(field)) {
      if (value !== null) (instance as Record<string, unknown>)[field] = value;
    } else if (unknownFields === 'strict' && (value !== null || field in Object.prototype)) {
      throw unknown(field);
    }
  }
  if (dto.isPlain?.(instance)) return instance;
  const [fault] = validateSync(instance, VALIDATION);
  if (fault) throw invalid(fault.property, Object.values(fault.constraints ?? {})[0] ?? `${fault.property} is not valid`);
  return instance;
}

function unknown(field: string): NestorError {
  return invalid(field, `${field} is not a field of this request; leave it out`);
}

/** Asked of class-validator once: its own whitelist looks them up for every body, a third of the time that this file takes. */
function fieldsOf(dto: new () => object): ReadonlySet<string> {
  let fields = declared.get(dto);
  if (!fields) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
    declared.set(dto, (fields = new Set(rules.map(({ propertyName }) => propertyName))));
  }
  return fields;
}
