// Requests of text-embeddings-inference, https://github.com/huggingface/text-embeddings-inference/blob/main/router/src/http/types.rs.
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsArray, IsBoolean, IsDefined, IsIn, IsInt, IsObject, IsOptional, IsString, MaxLength, Min } from 'class-validator';

const DIRECTIONS = ['Left', 'Right', 'left', 'right'] as const;

const TEXT = { type: 'string', minLength: 1 };
const IDS = { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } };
const INPUTS = {
  description: 'A text, the token ids of one, or several of these.',
  oneOf: [TEXT, IDS, { type: 'array', minItems: 1, items: { oneOf: [TEXT, IDS] } }],
};

export class TruncationBody {
  @ApiPropertyOptional({ description: 'Texts that are too long are cut, or refused.', default: true })
  @IsOptional()
  @IsBoolean()
  readonly truncate?: boolean;

  @ApiPropertyOptional({ enum: DIRECTIONS, default: 'Right', description: 'The end that is cut off.' })
  @IsOptional()
  @IsIn(DIRECTIONS)
  readonly truncation_direction?: (typeof DIRECTIONS)[number];

  @ApiPropertyOptional({ description: 'Name of a prompt of the model, which goes in front of every input.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly prompt_name?: string;
}

export class EmbedAllBody extends TruncationBody {
  @ApiProperty(INPUTS)
  @IsDefined({ message: 'inputs is missing' })
  readonly inputs!: unknown;
}

export class EmbedBody extends EmbedAllBody {
  @ApiPropertyOptional({ description: 'Vectors of length one.', default: true })
  @IsOptional()
  @IsBoolean()
  readonly normalize?: boolean;

  @ApiPropertyOptional({ description: 'Cuts the vectors to their first dimensions.', minimum: 1 })
  @IsOptional()
  @IsInt()
  @Min(1)
  readonly dimensions?: number;
}

export class SimilarityInput {
  @ApiProperty({ description: 'The text that the others are compared with.', minLength: 1 })
  @IsString()
  readonly source_sentence!: string;

  @ApiProperty({ type: 'array', minItems: 1, items: TEXT })
  // What is in it is looked at once it is known not to be too much.
  @IsArray()
  readonly sentences!: unknown[];
}

export class SimilarityBody {
  @ApiProperty({ type: SimilarityInput })
  @IsObject()
  readonly inputs!: unknown;

  @ApiPropertyOptional({ type: TruncationBody })
  @IsOptional()
  @IsObject()
  readonly parameters?: unknown;
}

export class TokenizeBody {
  @ApiProperty({ description: 'A text, or several.', oneOf: [TEXT, { type: 'array', minItems: 1, items: TEXT }] })
  @IsDefined({ message: 'inputs is missing' })
  readonly inputs!: unknown;

  @ApiPropertyOptional({ default: true })
  @IsOptional()
  @IsBoolean()
  readonly add_special_tokens?: boolean;

  @ApiPropertyOptional({ description: 'Name of a prompt of the model, which goes in front of every input.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly prompt_name?: string;
}

export class DecodeBody {
  @ApiProperty({ description: 'Token ids of a text, or of several.', oneOf: [IDS, { type: 'array', minItems: 1, items: IDS }] })
  @IsDefined({ message: 'ids is missing' })
  readonly ids!: unknown;

  @ApiPropertyOptional({ default: true })
  @IsOptional()
  @IsBoolean()
  readonly skip_special_tokens?: boolean;
}
