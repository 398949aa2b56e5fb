// Parameters of messages -> those that both doors understand.
import { invalid } from '../errors.js';
import type { Parameters } from '../oip/parameters.js';
import type { InferParameter } from './inference_pb.js';

/** @throws NestorError INVALID_REQUEST for one without a value. */
export function parametersOf(map: Readonly<Record<string, InferParameter>>, field: string): Parameters {
  const entries = Object.entries(map).map(
    ([
      name,
      {
        parameterChoice: { value },
      },
    ]) => {
      if (value === undefined) throw invalid(`${field}.${name}`, `${name} has no value`);
      return [name, value] as const;
    },
  );
  return Object.fromEntries(entries);
}
