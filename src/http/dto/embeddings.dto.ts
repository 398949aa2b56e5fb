// OpenAI's embeddings request, https://platform.openai.com/docs/api-reference/embeddings/create.
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsDefined, IsIn, IsInt, IsOptional, IsString, MaxLength, Min, MinLength } from 'class-validator';

const FORMATS: readonly unknown[] = ['float', 'base64'];
const PLAIN_NAME = /^[\w.-]{1,256}$/;

export class EmbeddingsBody {
  /** A model, inputs and at most their format: class-validator took 6 % of the event loop that a text takes to find nothing wrong with them. */
  static isPlain({ model, input, encoding_format: format, ...others }: EmbeddingsBody): boolean {
    if (typeof model !== 'string' || !PLAIN_NAME.test(model) || input === undefined) return false;
    return (format === undefined || FORMATS.includes(format)) && Object.values<unknown>(others).every((value) => value === undefined);
  }

  @ApiProperty({ description: 'Name of an embedding model, see GET /v1/models.' })
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  readonly model!: string;

  @ApiProperty({
    description: 'A text, texts, token ids of one text, or token ids of several. Thousands are welcome.',
    oneOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
      { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
      { type: 'array', minItems: 1, items: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } } },
    ],
  })
  @IsDefined({ message: 'input is missing' })
  readonly input!: unknown;

  @ApiPropertyOptional({ enum: ['float', 'base64'], default: 'float', description: '`base64` is little-endian float32.' })
  @IsOptional()
  @IsIn(FORMATS)
  readonly encoding_format?: 'float' | 'base64';

  @ApiPropertyOptional({ description: 'Cuts the vectors to their first dimensions and normalizes them again.' })
  @IsOptional()
  @IsInt()
  @Min(1)
  readonly dimensions?: number;

  @ApiPropertyOptional({ description: 'Name of a prompt of the model, which goes in front of every input.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly prompt_name?: string;

  @ApiPropertyOptional({
    description: 'A text that goes in front of every input, as it is; empty for no prompt where the model has a default.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(65536)
  readonly prompt?: string;

  @ApiPropertyOptional({ description: "OpenAI's field for abuse tracking; accepted and ignored." })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly user?: string;
}
