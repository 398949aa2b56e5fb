// Parameters of the protocol: what Nestor understands of them, and what it must not pretend to.
import { invalid, NestorError } from '../errors.js';
import type { Call } from '../inference/prediction.js';

export type Parameters = Readonly<Record<string, string | number | bigint | boolean>>;

const LOWEST_URGENCY = 7;
const SHARED_MEMORY = ['shared_memory_region', 'shared_memory_byte_size', 'shared_memory_offset'];

/** @throws NestorError INVALID_REQUEST unless each is a string, a number or a boolean. */
export function readParameters(value: unknown, field: string): Parameters {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(field, `${field} must be an object`);
  for (const [name, parameter] of Object.entries(value)) {
    if (!['string', 'number', 'bigint', 'boolean'].includes(typeof parameter))
      throw invalid(`${field}.${name}`, `${name} must be a string, a number or a boolean`);
  }
  return value as Parameters;
}

/**
 * Those of a request: `timeout` (microseconds) is a deadline, `priority` an urgency (1 is served first, 0 means the default).
 * @throws NestorError INVALID_REQUEST, or NOT_IMPLEMENTED for sequences: a stateful model would answer wrongly without them.
 */
export function callOfParameters(parameters: Parameters, call: Call): Call {
  for (const name of ['sequence_id', 'sequence_start', 'sequence_end']) {
    if (parameters[name]) throw notImplemented(`parameters.${name}`, 'Sequences are not kept; send the state as a tensor');
  }
  const reserved = Object.keys(parameters).find((name) => name.startsWith('triton_'));
  if (reserved !== undefined) throw invalid(`parameters.${reserved}`, 'Names that begin with triton_ are reserved');
  const timeout = whole(parameters, 'timeout');
  const priority = whole(parameters, 'priority');
  const deadline = timeout > 0 ? performance.now() + timeout / 1000 : Infinity;
  const earliest = Math.min(deadline, call.deadline ?? Infinity);
  return {
    ...call,
    deadline: earliest === Infinity ? undefined : earliest,
    urgency: priority > 0 ? Math.min(priority - 1, LOWEST_URGENCY) : call.urgency,
  };
}

/** @throws NestorError NOT_IMPLEMENTED for what a tensor may ask for and Nestor does not do. */
export function refuseUnserved(parameters: Parameters, field: string): void {
  const shared = SHARED_MEMORY.find((name) => name in parameters);
  if (shared !== undefined) throw notImplemented(`${field}.parameters.${shared}`, 'Shared memory is not supported; send the bytes');
  if (parameters.classification) {
    const instead = '/v1/models/{model}/predict answers instances with labels';
    throw notImplemented(`${field}.parameters.classification`, `The classification extension is not supported; ${instead}`);
  }
}

/** A parameter that says yes or no. */
export function flag(parameters: Parameters, name: string, field: string): boolean | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(`${field}.${name}`, `${name} must be true or false`);
}

function whole(parameters: Parameters, name: string): number {
  const value = Number(parameters[name] ?? 0);
  if (Number.isInteger(value) && value >= 0 && typeof parameters[name] !== 'boolean') return value;
  throw invalid(`parameters.${name}`, `${name} must be a whole number, 0 or more`);
}

export function notImplemented(field: string, message: string): NestorError {
  return new NestorError('NOT_IMPLEMENTED', message, { field });
}

/** Why a load request that brings a configuration or files with it is refused. */
export const FROM_THE_REPOSITORY = 'Models are loaded from the repository, as model.yaml says; put their files there';
