// How a picture becomes a tensor: the numbers that a vision model was trained with.
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsNotIn, IsNumber, IsOptional, Max, Min, ValidateBy } from 'class-validator';
import type { Datatype } from '../tensor.js';

/** What a picture can be as a tensor. */
export const PICTURE_DATATYPES: readonly Datatype[] = ['FP32', 'FP16'];

export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
const INTERPOLATIONS: readonly Interpolation[] = ['nearest', 'bilinear', 'bicubic', 'lanczos'];

function isCropped(resize: unknown, beside?: object): boolean {
  const { height, width, fit } = beside as ImageRecipe;
  return fit !== 'pad-right' && Number(resize) >= Math.max(height, width);
}

/** What is cropped must be there. */
const Crops = (): PropertyDecorator =>
  ValidateBy({
    name: 'crops',
    validator: {
      validate: (value, told) => isCropped(value, told?.object),
      defaultMessage: () => 'resize takes the fit cover or stretch, and must not be less than height and width',
    },
  });

export class ImageRecipe {
  @IsInt() @Min(1) @Max(8192) readonly height!: number;
  @IsInt() @Min(1) @Max(8192) readonly width!: number;
  /**
   * `stretch` ignores the aspect ratio; `cover` crops the middle; `pad-right` scales to the height, caps at the width and pads
   * with zeros after the normalization.
   */
  @IsIn(['stretch', 'cover', 'pad-right']) readonly fit: 'stretch' | 'cover' | 'pad-right' = 'stretch';
  /** What a picture is scaled to before its middle is cropped: its shorter edge with `cover`, both with `stretch`. */
  @IsOptional() @IsInt() @Max(8192) @Crops() readonly resize?: number;
  @IsIn(INTERPOLATIONS) readonly interpolation: Interpolation = 'bilinear';
  @IsIn(['RGB', 'BGR']) readonly channels: 'RGB' | 'BGR' = 'RGB';
  /** Applied to the bytes 0-255 first. */
  @IsNumber() readonly scale: number = 1 / 255;
  /** Subtracted from each channel, in the order of `channels`. */
  @IsArray() @ArrayMinSize(3) @ArrayMaxSize(3) @IsNumber({}, { each: true }) readonly mean: number[] = [0, 0, 0];
  /** What each channel is divided by last. */
  @IsArray()
  @ArrayMinSize(3)
  @ArrayMaxSize(3)
  @IsNumber({}, { each: true })
  @IsNotIn([0], { each: true })
  readonly std: number[] = [1, 1, 1];
  @IsIn(['NCHW', 'NHWC']) readonly layout: 'NCHW' | 'NHWC' = 'NCHW';
  /** Most pixels of a picture; larger ones are refused before they are decoded. */
  @IsInt() @Min(1) readonly maxPixels: number = 50_000_000;
}
