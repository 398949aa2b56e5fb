// The envelope of a prediction in JSON; tensors and instances inside are checked where they are copied.
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsArray, IsOptional, IsString, MaxLength, ArrayMaxSize, ValidateBy } from 'class-validator';
import { isList, isObject } from '../codecs/document-value.js';
import type { NumberBlock } from '../codecs/number-block.js';

export class PredictBody {
  /** Rows and nothing else: class-validator took 6 % of the event loop that a small request takes to find nothing wrong with them. */
  static isPlain({ inputs, instances, outputs, id }: PredictBody): boolean {
    return isList(instances) && inputs === undefined && outputs === undefined && id === undefined;
  }

  @ApiPropertyOptional({
    description:
      'Named tensors: `{ shape, datatype, data }`, or bare nested arrays. Data are row-major, flat or nested; integers of 64 bits are exact.',
    type: 'object',
    additionalProperties: true,
  })
  @IsOptional()
  @ValidateBy({ name: 'isObject', validator: { validate: isObject } }, { message: 'inputs must be an object of tensors by name' })
  readonly inputs?: Record<string, unknown>;

  @ApiPropertyOptional({
    description: 'One entry a row: the values of a single input, `{ input: values }` for several, a text, or `{ "image": "<base64>" }`.',
    type: 'array',
    items: {},
  })
  @IsOptional()
  @ValidateBy({ name: 'isList', validator: { validate: isList } }, { message: 'instances must be an array' })
  readonly instances?: unknown[] | NumberBlock;

  @ApiPropertyOptional({ description: 'Names of the outputs to compute; all by default.', type: [String] })
  // The rules are gone through from below, up to the first that is broken: what is cheap spares what looks at each.
  @IsOptional()
  @IsString({ each: true })
  @ArrayMaxSize(1024)
  @IsArray({ message: 'outputs must be an array of names' })
  readonly outputs?: string[];

  @ApiPropertyOptional({ description: 'Comes back with the answer.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly id?: string;
}
