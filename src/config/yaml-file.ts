// Files of settings that people write: YAML -> a class with rules, or an error that names the file and every key that is wrong.
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { parse } from 'yaml';
import { reasonOf } from '../errors.js';

/** Rules of its class that an object breaks, each with its key. */
export function faultsIn(settings: object): string[] {
  return faultsOf(validateSync(settings, { whitelist: true, forbidNonWhitelisted: true }));
}

function faultsOf(errors: readonly ValidationError[], parent = ''): string[] {
  return errors.flatMap((error) => {
    const path = parent ? `${parent}.${error.property}` : error.property;
    return [...rulesOf(error).map((text) => `${path}: ${text}`), ...faultsOf(error.children ?? [], path)];
  });
}

/** What a value breaks; what is of the wrong type breaks all other rules too, which says nothing. */
function rulesOf({ constraints = {}, target }: ValidationError): string[] {
  if ('whitelistValidation' in constraints) return [`there is no such key; there are ${keysOf(target).join(', ')}`];
  const types = Object.entries(constraints).filter(([rule]) => rule.startsWith('is'));
  return types.length > 0 ? types.map(([, text]) => text) : Object.values(constraints);
}

function keysOf(settings: object | undefined): string[] {
  if (!settings) return [];
  const rules = getMetadataStorage().getTargetValidationMetadatas(settings.constructor, '', true, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))];
}

/** The transformation into classes passes over what has such a name, or trips over it. */
const RESERVED = new Set(['__proto__', 'constructor']);

function reservedIn(content: unknown, parent = ''): string[] {
  if (typeof content !== 'object' || content === null) return [];
  return Object.entries(content).flatMap(([key, value]) => {
    const path = parent ? `${parent}.${key}` : key;
    return RESERVED.has(key) ? [`${path}: nothing can have this name; take another`] : reservedIn(value, path);
  });
}

/** A key with nothing behind it, the lines below it commented out perhaps, is one that is not there. */
function dropEmpty(settings: unknown): void {
  if (settings instanceof Map) settings.forEach(dropEmpty);
  // Names that people give, and not keys.
  if (typeof settings !== 'object' || settings === null || Object.getPrototypeOf(settings) === Object.prototype) return;
  for (const [key, value] of Object.entries(settings)) {
    if (value === null) Reflect.set(settings, key, undefined);
    else dropEmpty(value);
  }
}

/**
 * @param path of the file, which errors name.
 * @throws Error that names every key that is wrong, or unknown.
 */
export function readYaml<T extends object>(type: new () => T, path: string, text: string): T {
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (thrown) {
    throw new Error(`${path} is not YAML: ${reasonOf(thrown)}`, { cause: thrown });
  }
  if (typeof content !== 'object' || Array.isArray(content)) throw new Error(`${path} must hold keys and values`);
  refuse(path, reservedIn(content));
  const settings = plainToInstance(type, content);
  refuse(path, faultsIn(settings));
  dropEmpty(settings);
  return settings;
}

function refuse(path: string, faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(`${path} is not valid:\n  ${faults.join('\n  ')}`);
}
