// What a graph does not say of its inputs: exact sizes of axes that it leaves free, and the values that they may take.
import { ArrayMinSize, IsArray, IsInt, IsNumber, IsOptional, Min } from 'class-validator';
import { positionsOf, type ModelFiles } from './model-files.js';

export class InputLimit {
  /** Sizes of the axes; -1 where an axis is free. */
  @IsOptional() @IsArray() @IsInt({ each: true }) @Min(-1, { each: true }) readonly shape?: readonly number[];
  /** The only values that an element may have. */
  @IsOptional() @IsArray() @ArrayMinSize(1) @IsNumber({}, { each: true }) readonly values?: readonly number[];
  @IsOptional() @IsNumber() readonly min?: number;
  @IsOptional() @IsNumber() readonly max?: number;
  /** Longest sequence, where the second axis is one. */
  @IsOptional() @IsInt() @Min(1) readonly maxLength?: number;
}

export type InputLimits = ReadonlyMap<string, InputLimit>;

/** Limits from the config of a text model, with those of model.yaml on top. */
export function inputLimits({ config }: ModelFiles, given: InputLimits = new Map()): InputLimits {
  const maxLength = positionsOf(config);
  const below = (size: number | undefined): InputLimit => ({ min: 0, ...(size && { max: size - 1 }), ...(maxLength && { maxLength }) });
  const known: Record<string, InputLimit> = config
    ? {
        input_ids: below(config.vocab_size),
        token_type_ids: below(config.type_vocab_size),
        position_ids: below(config.max_position_embeddings),
      }
    : {};
  const names = new Set([...Object.keys(known), ...given.keys()]);
  return new Map([...names].map((name) => [name, Object.assign({}, known[name], given.get(name))]));
}
