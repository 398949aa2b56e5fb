// Pictures -> tensors: decoded, resized and normalized on sharp's threads, not on the event loop.
import sharp from 'sharp';
import { invalid } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { ImageRecipe } from './image-recipe.js';

/**
 * One picture (PNG, JPEG, WebP, GIF, TIFF, AVIF) as a tensor of one row, `[1, 3, h, w]` or `[1, h, w, 3]`.
 * @param input that it is for: one of `PICTURE_DATATYPES`.
 * @throws NestorError INVALID_REQUEST when the bytes are not a picture.
 */
export async function imageTensor(
  bytes: Uint8Array,
  { name, datatype }: Pick<Tensor, 'name' | 'datatype'>,
  recipe: ImageRecipe,
  field: string,
): Promise<Tensor> {
  const { pixels, width } = await decode(bytes, recipe, field);
  const { height, layout, scale, mean, std, channels } = recipe;
  const data = new (datatype === 'FP16' ? Float16Array : Float32Array)(3 * height * recipe.width);
  const [channelStride, pixelStride] = layout === 'NCHW' ? [height * recipe.width, 1] : [1, 3];
  for (let channel = 0; channel < 3; channel++) {
    const source = channels === 'RGB' ? channel : 2 - channel;
    const factor = scale / (std[channel] ?? 1);
    const shift = (mean[channel] ?? 0) / (std[channel] ?? 1);
    for (let y = 0; y < height; y++) {
      let target = channel * channelStride + y * recipe.width * pixelStride;
      let from = y * width * 3 + source;
      for (let x = 0; x < width; x++, target += pixelStride, from += 3) data[target] = (pixels[from] ?? 0) * factor - shift;
    }
  }
  const shape = layout === 'NCHW' ? [1, 3, height, recipe.width] : [1, height, recipe.width, 3];
  return { name, datatype, shape, data };
}

/** What sharp calls them; its cubic is Catmull and Rom's, as Pillow's is. */
const KERNELS = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const;
const FORMATS = new Set<string>(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']);

async function decode(bytes: Uint8Array, recipe: ImageRecipe, field: string): Promise<{ pixels: Uint8Array; width: number }> {
  const { height, width, fit, maxPixels, resize } = recipe;
  const kernel = KERNELS[recipe.interpolation];
  try {
    const image = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' });
    const size = await image.metadata();
    // sharp would draw SVG and read more than pictures that cameras and scanners make: a larger surface than the job needs.
    if (!FORMATS.has(size.format)) throw new Error(`${size.format} is not read`);
    const scaled = Math.max(1, Math.min(width, Math.ceil((height * size.width) / size.height)));
    const target = fit === 'pad-right' ? scaled : width;
    if (resize === undefined) image.resize(target, height, { fit: fit === 'cover' ? 'cover' : 'fill', kernel });
    else {
      const [w, h] = fit === 'cover' ? byShorterEdge(size, resize) : [resize, resize];
      image.resize(w, h, { fit: 'fill', kernel }).extract({ left: (w - width) >> 1, top: (h - height) >> 1, width, height });
    }
    const pixels = await image.flatten({ background: '#ffffff' }).toColourspace('srgb').raw().toBuffer();
    return { pixels, width: target };
  } catch (thrown) {
    // The decoder's own words speak of files and internals.
    throw Object.assign(
      invalid(field, `${field} is not a picture that can be decoded (PNG, JPEG, WebP, GIF, TIFF or AVIF of at most ${maxPixels} pixels)`),
      { cause: thrown },
    );
  }
}

/** Width and height, as torchvision and transformers round them. */
function byShorterEdge({ width, height }: { readonly width: number; readonly height: number }, edge: number): [number, number] {
  return width <= height ? [edge, Math.trunc((edge * height) / width)] : [Math.trunc((edge * width) / height), edge];
}
