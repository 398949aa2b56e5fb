// preprocessor_config.json -> the recipe for pictures that Hugging Face's image processor of that name follows.
import { plainToInstance } from 'class-transformer';
import { faultsIn } from '../config/yaml-file.js';
import { ImageRecipe, type Interpolation } from '../features/image-recipe.js';

type Size = { readonly height?: number; readonly width?: number; readonly shortest_edge?: number; readonly longest_edge?: number } | number;

/** The keys that matter for classification; all may be missing. */
export interface Preprocessor {
  readonly image_processor_type?: string;
  readonly feature_extractor_type?: string;
  readonly size?: Size;
  readonly crop_size?: Size;
  readonly crop_pct?: number | null;
  readonly resample?: number;
  readonly do_resize?: boolean;
  readonly do_center_crop?: boolean;
  readonly do_rescale?: boolean;
  readonly do_normalize?: boolean;
  readonly do_flip_channel_order?: boolean;
  readonly include_top?: boolean;
  readonly image_mean?: number | number[];
  readonly image_std?: number | number[];
  readonly rescale_factor?: number;
}

/** What is left undone, as nothing comes of it, and what is done. */
const FOLLOWED = new Set([
  ...['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_flip_channel_order'],
  ...['do_convert_rgb', 'do_reduce_labels'],
]);
/** Steps that have another name. */
const OTHER_STEPS = new Set(['keep_aspect_ratio', 'rescale_offset', 'size_divisor']);

/** By Pillow's numbers. */
const INTERPOLATIONS: readonly (Interpolation | undefined)[] = ['nearest', 'lanczos', 'bilinear', 'bicubic'];

/** The part of a scaled picture that is left by the crop, of processors that have one where the file has none. */
const CROP_PCT: Readonly<Record<string, number>> = { ConvNext: 224 / 256, Levit: 224 / 256, PoolFormer: 0.9 };
/** From this size on ConvNext does not crop. */
const STRETCHED_FROM = 384;
/** Processors that crop, and take a size of one number for both edges; others take it for the shorter one. */
const SQUARE = new Set(['Beit', 'DeiT', 'EfficientNet']);

/**
 * Undefined where the file is not about pictures of one size.
 * @throws Error that names what the file asks for and nobody here does, or what is wrong with its numbers.
 */
export function recipeOf(file: Preprocessor): ImageRecipe | undefined {
  // What is not set is written as null.
  const given = JSON.parse(JSON.stringify(file), (_, value: unknown) => value ?? undefined) as Preprocessor;
  if (given.size === undefined) return undefined;
  for (const [key, value] of Object.entries(given))
    if (value && !FOLLOWED.has(key) && (key.startsWith('do_') || OTHER_STEPS.has(key))) throw new Error(`${key} is not done`);
  if (given.do_resize === false) throw new Error('do_resize: false is not served: pictures are of one size');
  const { do_rescale = true, do_normalize = true, do_flip_channel_order = false, rescale_factor, image_mean, image_std } = given;
  const recipe = plainToInstance(ImageRecipe, {
    ...frameOf(given),
    ...interpolationOf(given),
    ...(do_flip_channel_order && { channels: 'BGR' }),
    ...(do_rescale ? rescale_factor && { scale: rescale_factor } : { scale: 1 }),
    ...(do_normalize && image_mean !== undefined && { mean: channels(image_mean) }),
    ...(do_normalize && image_std !== undefined && { std: channels(image_std).map((std) => (isTwice(given) ? std * std : std)) }),
  });
  const faults = faultsIn(recipe);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return recipe;
}

type Frame = Pick<ImageRecipe, 'height' | 'width' | 'fit' | 'resize'>;

/** @throws Error where pictures would come in several sizes, or smaller than they are cut. */
function frameOf(given: Preprocessor): Frame {
  const kind = kindOf(given);
  const crop = given.do_center_crop === false || kind === 'ConvNext' ? undefined : edges(given.crop_size);
  const { shortest_edge: edge, height, width, longest_edge } = sizeOf(given, kind, crop !== undefined);
  if (longest_edge !== undefined) throw new Error('size.longest_edge is not followed');
  if (kind === 'Perceiver') throw new Error('pictures that are cropped before they are scaled are not served');
  const part = given.crop_pct ?? CROP_PCT[kind] ?? 1;
  if (kind === 'ConvNext' && edge) {
    if (edge >= STRETCHED_FROM) return { height: edge, width: edge, fit: 'stretch' };
    return { height: edge, width: edge, fit: 'cover', resize: Math.trunc(edge / part) };
  }
  if (crop && edge) return { ...crop, fit: 'cover', resize: Math.trunc(edge / part) };
  if (edge) throw new Error('size.shortest_edge without crop_size leaves pictures in several sizes');
  if (!height || !width) throw new Error('size has neither height and width nor shortest_edge');
  if (!crop || (crop.height === height && crop.width === width)) return { height, width, fit: 'stretch' };
  if (height !== width || part !== 1) throw new Error('a crop of what is not a square is not served');
  return { ...crop, fit: 'stretch', resize: height };
}

/** `ConvNextImageProcessorFast`, `DeiTFeatureExtractor` -> `ConvNext`, `DeiT`. */
function kindOf({ image_processor_type, feature_extractor_type }: Preprocessor): string {
  return (image_processor_type ?? feature_extractor_type ?? '').replace(/(ImageProcessor(Fast)?|FeatureExtractor)$/, '');
}

/** One number is both edges or the shorter one, as the processor has it. */
function sizeOf({ size }: Preprocessor, kind: string, crops: boolean): Exclude<Size, number> {
  if (typeof size !== 'number') return size ?? {};
  const isShorter = kind === 'ConvNext' || (crops && !SQUARE.has(kind));
  return isShorter ? { shortest_edge: size } : { height: size, width: size };
}

function edges(size: Size | undefined): { readonly height: number; readonly width: number } | undefined {
  const { height, width } = typeof size === 'number' ? { height: size, width: size } : { height: size?.height ?? size?.shortest_edge, width: size?.width ?? size?.shortest_edge }; // prettier-ignore
  return height && width ? { height, width } : undefined;
}

function interpolationOf({ resample }: Preprocessor): Partial<Pick<ImageRecipe, 'interpolation'>> {
  if (resample === undefined) return {};
  const interpolation = INTERPOLATIONS[resample];
  if (!interpolation) throw new Error(`resample: ${resample} is not served; 0, 1, 2 and 3 are`);
  return { interpolation };
}

function channels(value: number | number[]): number[] {
  return typeof value === 'number' ? [value, value, value] : value;
}

/** EfficientNets of the time of their top layer divide by the deviation twice. */
function isTwice(given: Preprocessor): boolean {
  return given.include_top === true && kindOf(given) === 'EfficientNet';
}
