// What preprocessor_config.json asks for is done as Hugging Face's image processors do it, or refused with the key that is not.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { imageTensor } from '../features/image.js';
import { recipeOf, type Preprocessor } from './preprocessor.js';

interface Made {
  readonly name: string;
  readonly config: Preprocessor;
  readonly shape: readonly number[];
  readonly pixels: readonly number[];
}

const PICTURE = readFileSync('test/fixtures/picture.png');
/** By Pillow and transformers: test/fixtures/build_pictures.py. */
const MADE = JSON.parse(readFileSync('test/fixtures/pictures.json', 'utf8')) as Made[];
/** Of 255: Pillow rounds to bytes between the two directions, and its filters are cut off where libvips' are not. */
const ROUNDING = 3;

describe('a picture', () => {
  it.each(MADE)('is what $name makes of it', async ({ config, shape, pixels }) => {
    const recipe = recipeOf({ ...config, do_rescale: false, do_normalize: false });
    if (!recipe) throw new Error('no recipe');
    const tensor = await imageTensor(PICTURE, { name: 'x', datatype: 'FP32' }, recipe, 'image');
    expect(tensor.shape).toEqual([1, ...shape]);
    const differences = pixels.map((pixel, index) => Math.abs(pixel - Number(tensor.data[index])));
    expect(Math.max(...differences)).toBeLessThanOrEqual(ROUNDING);
  });
});

describe('preprocessor_config.json', () => {
  it('of a ViT is stretched', () => {
    const given = { size: { height: 224, width: 320 }, image_mean: [0.5, 0.4, 0.3], image_std: [0.1, 0.2, 0.3], rescale_factor: 0.5 };
    expect(recipeOf(given)).toMatchObject({
      ...{ height: 224, width: 320, fit: 'stretch', interpolation: 'bilinear', channels: 'RGB', layout: 'NCHW' },
      ...{ mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.3], scale: 0.5 },
    });
  });

  it.each<[Preprocessor, object]>([
    [{ size: 192 }, { height: 192, width: 192, fit: 'stretch' }],
    [
      { size: { shortest_edge: 256 }, crop_size: { height: 224, width: 224 } },
      { height: 224, width: 224, fit: 'cover', resize: 256 },
    ],
    [
      { size: { height: 256, width: 256 }, crop_size: 224, resample: 0 },
      { height: 224, width: 224, fit: 'stretch', resize: 256, interpolation: 'nearest' },
    ],
    [
      { size: { shortest_edge: 384 }, crop_pct: 0.875, image_processor_type: 'ConvNextImageProcessor' },
      { height: 384, width: 384, fit: 'stretch' },
    ],
    [
      { size: 224, crop_pct: null, image_processor_type: 'ConvNextImageProcessorFast' },
      { height: 224, width: 224, fit: 'cover', resize: 256 },
    ],
    [
      JSON.parse('{"size": {"height": 8, "width": 8, "longest_edge": null}, "image_mean": null, "image_std": null, "resample": null}'),
      { height: 8, width: 8, fit: 'stretch' },
    ],
    [
      { size: 8, image_mean: 0.5, image_std: 0.25, include_top: true },
      { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    ],
    // transformers has -0.243, 4.329 and 17.01 of the bytes 10, 120 and 250.
    [
      {
        ...{ size: 8, image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.25, 0.2] },
        ...{ include_top: true, image_processor_type: 'EfficientNetImageProcessor' },
      },
      { mean: [0.1, 0.2, 0.3], std: [0.5 * 0.5, 0.25 * 0.25, 0.2 * 0.2] },
    ],
  ])('reads %j', (given, recipe) => {
    expect(recipeOf(given)).toMatchObject(recipe);
  });

  it('without a size is none', () => {
    expect(recipeOf({})).toBeUndefined();
    expect(recipeOf(JSON.parse('{"size": null}') as Preprocessor)).toBeUndefined();
  });

  it('leaves out what is said not to be done', () => {
    const whole = { size: 256, crop_size: 224, rescale_factor: 0.5, image_mean: [1, 2, 3], image_std: [4, 5, 6] };
    const recipe = (more: Preprocessor) => recipeOf({ ...whole, ...more });
    expect(recipe({})).toMatchObject({ height: 224, width: 224, fit: 'cover', resize: 256, scale: 0.5, mean: [1, 2, 3], std: [4, 5, 6] });
    expect(recipe({ do_center_crop: false })).toMatchObject({ height: 256, width: 256, fit: 'stretch' });
    expect(recipe({ do_rescale: false })).toMatchObject({ scale: 1, mean: [1, 2, 3] });
    expect(recipe({ do_normalize: false })).toMatchObject({ scale: 0.5, mean: [0, 0, 0], std: [1, 1, 1] });
  });

  it.each<[Preprocessor & { readonly do_pad?: boolean }, string]>([
    [{ size: 224, do_resize: false }, 'do_resize: false'],
    [{ size: 224, do_pad: true }, 'do_pad'],
    [{ size: 224, resample: 5 }, 'resample: 5'],
    [{ size: { shortest_edge: 160 } }, 'size.shortest_edge'],
    [{ size: { shortest_edge: 800, longest_edge: 1333 } }, 'size.longest_edge'],
    [{ size: {} }, 'size has neither'],
    [{ size: { height: 256, width: 320 }, crop_size: 224 }, 'a crop of what is not a square'],
    [{ size: 224, crop_size: 256 }, 'resize: '],
    [{ size: 224, image_std: [0, 0, 0] }, 'std: '],
    [{ size: 224, image_mean: [0.5] }, 'mean: '],
    [{ size: 224, crop_size: 224, image_processor_type: 'PerceiverImageProcessor' }, 'cropped before they are scaled'],
  ])('%j cannot be followed, and says why', (given, reason) => {
    expect(() => recipeOf(given)).toThrow(reason);
  });
});
