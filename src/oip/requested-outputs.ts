// Which outputs a request asks for, and which of them as bytes.
import { invalid } from '../errors.js';
import type { Model } from '../models/model.js';
import { flag, refuseUnserved, type Parameters } from './parameters.js';

export interface OutputQuery {
  /** Undefined for all. */
  readonly outputs: readonly string[] | undefined;
  /** Whether an output goes out as bytes. */
  readonly isBinary: (output: string) => boolean;
}

interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

/**
 * @param byDefault whether outputs go as bytes that do not say so with `binary_data`.
 * @throws NestorError INVALID_REQUEST, NOT_IMPLEMENTED
 */
export function outputQuery(requested: readonly RequestedOutput[], byDefault: boolean): OutputQuery {
  const binary = new Map<string, boolean>();
  for (const { name, parameters } of requested) {
    refuseUnserved(parameters, `outputs.${name}`);
    binary.set(name, flag(parameters, 'binary_data', `outputs.${name}.parameters`) ?? byDefault);
  }
  return { outputs: binary.size > 0 ? [...binary.keys()] : undefined, isBinary: (name) => binary.get(name) ?? byDefault };
}

/** The names of the outputs, asked for or not. */
export function outputNames({ outputs }: OutputQuery, { signature }: Model): readonly string[] {
  return outputs ?? signature.outputs.map(({ name }) => name);
}

/** @throws NestorError INVALID_REQUEST for FP16 that is not to go as bytes: neither JSON nor typed contents carry it. */
export function refuseHalves(query: OutputQuery, model: Model): void {
  const half = outputNames(query, model).find((name) => model.signature.output(name)?.datatype === 'FP16' && !query.isBinary(name));
  if (half !== undefined) throw invalid(`outputs.${half}`, `${half} is FP16, which goes as bytes only: ask for it with binary_data true`);
}
