// Pictures become the tensors that the recipe describes, and what is no picture is refused by name.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { imageTensor } from './image.js';
import { ImageRecipe } from './image-recipe.js';

function recipe(changes: Partial<ImageRecipe>): ImageRecipe {
  return Object.assign(new ImageRecipe(), { height: 2, width: 2, ...changes });
}

/** A lossless picture of these pixels, row by row. */
function png(width: number, ...pixels: readonly (readonly number[])[]): Promise<Buffer> {
  const channels = pixels[0]?.length === 4 ? 4 : 3;
  return sharp(Uint8Array.from(pixels.flat()), { raw: { width, height: pixels.length / width, channels } })
    .png()
    .toBuffer();
}

async function values(bytes: Uint8Array, changes: Partial<ImageRecipe>): Promise<number[]> {
  const { data } = await imageTensor(bytes, X, recipe({ scale: 1, ...changes }), 'image');
  return Array.from(data, Number);
}

const [RED, GREEN, BLUE, GREY] = [
  [200, 0, 0],
  [0, 150, 0],
  [0, 0, 100],
  [10, 20, 30],
] as const;
const [X, PIXELS] = [
  { name: 'x', datatype: 'FP32' },
  { name: 'pixels', datatype: 'FP32' },
] as const;
const refusal = { code: 'INVALID_REQUEST', field: 'instances[3].image' };

describe('imageTensor', () => {
  it('puts channels, rows and columns in the order of the layout', async () => {
    const bytes = await png(2, RED, GREEN, BLUE, GREY);
    expect(await values(bytes, { layout: 'NHWC' })).toEqual([...RED, ...GREEN, ...BLUE, ...GREY]);
    expect(await values(bytes, { layout: 'NCHW' })).toEqual([200, 0, 0, 10, 0, 150, 0, 20, 0, 0, 100, 30]);
    expect(await values(bytes, { layout: 'NHWC', channels: 'BGR' })).toEqual([0, 0, 200, 0, 150, 0, 100, 0, 0, 30, 20, 10]);
  });

  it('names the tensor and gives it one row', async () => {
    const bytes = await png(1, RED);
    const size = { height: 3, width: 5 };
    expect(await imageTensor(bytes, PIXELS, recipe(size), 'image')).toMatchObject({
      name: 'pixels',
      datatype: 'FP32',
      shape: [1, 3, 3, 5],
    });
    expect((await imageTensor(bytes, PIXELS, recipe({ ...size, layout: 'NHWC' }), 'image')).shape).toEqual([1, 3, 5, 3]);
  });

  it('makes halves for a model that takes them', async () => {
    const bytes = await png(1, RED);
    const { datatype, data } = await imageTensor(bytes, { ...X, datatype: 'FP16' }, recipe({ height: 1, width: 1, scale: 0.01 }), 'image');
    expect([datatype, data]).toEqual(['FP16', Float16Array.of(2, 0, 0)]);
  });

  it('scales, subtracts the mean and divides by the deviation, channel by channel in the order of the channels', async () => {
    const changes: Partial<ImageRecipe> = { height: 1, width: 1, scale: 1 / 255, mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] };
    const expected = (pixel: readonly number[]) => pixel.map((v, c) => (v / 255 - (changes.mean?.[c] ?? 0)) / (changes.std?.[c] ?? 1));
    const close = (numbers: readonly number[]) => numbers.map((n) => expect.closeTo(n, 5));
    const bytes = await png(1, [10, 120, 250]);
    expect(await values(bytes, changes)).toEqual(close(expected([10, 120, 250])));
    expect(await values(bytes, { ...changes, channels: 'BGR' })).toEqual(close(expected([250, 120, 10])));
  });

  it('stretches, or crops the middle', async () => {
    const wide = await png(4, RED, GREEN, GREEN, RED);
    expect(await values(wide, { height: 1, width: 1, fit: 'cover' })).toEqual([0, 150, 0]);
    const [red = 0] = await values(wide, { height: 1, width: 1, fit: 'stretch' });
    expect(red).toBeGreaterThan(60);
  });

  it('scales to an edge before it crops the middle', async () => {
    const wide = await png(4, RED, GREEN, GREEN, RED, RED, GREEN, GREEN, RED);
    expect(await values(wide, { height: 1, width: 2, fit: 'cover', resize: 2, layout: 'NHWC' })).toEqual([...GREEN, ...GREEN]);
    const square = await png(4, ...Array.from({ length: 4 }, () => [RED, GREEN, GREEN, RED]).flat());
    expect(await values(square, { height: 1, width: 2, fit: 'stretch', resize: 4, layout: 'NHWC' })).toEqual([...GREEN, ...GREEN]);
    const tall = await png(1, RED, GREEN, RED);
    expect(await values(tall, { height: 1, width: 1, fit: 'cover', resize: 1 })).toEqual(GREEN);
  });

  it('interpolates as it is told', async () => {
    const pair = await png(2, [0, 0, 0], [200, 200, 200]);
    const sharpest = await values(pair, { height: 1, width: 8, interpolation: 'nearest' });
    expect(new Set(sharpest)).toEqual(new Set([0, 200]));
    expect(new Set(await values(pair, { height: 1, width: 8, interpolation: 'bicubic' })).size).toBeGreaterThan(2);
  });

  it('pads at the right with zeros after the normalization, and caps at the width', async () => {
    const changes: Partial<ImageRecipe> = { height: 2, width: 4, fit: 'pad-right', layout: 'NHWC', mean: [1, 1, 1] };
    const narrow = await png(1, RED, RED);
    const row = [199, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(await values(narrow, changes)).toEqual([...row, ...row]);
    const wide = await png(10, ...Array.from({ length: 10 }, () => RED));
    expect(await values(wide, changes)).toEqual(new Array(8).fill([199, -1, -1]).flat());
  });

  it('lays transparent pictures on white, and makes colours of grey', async () => {
    expect(await values(await png(1, [5, 5, 5, 0]), { height: 1, width: 1 })).toEqual([255, 255, 255]);
    const grey = await sharp(Uint8Array.of(77), { raw: { width: 1, height: 1, channels: 1 } })
      .png()
      .toBuffer();
    expect(await values(grey, { height: 1, width: 1 })).toEqual([77, 77, 77]);
  });

  it.each(['jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    const bytes = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#c86432' } })
      .toFormat(format)
      .toBuffer();
    const [r = 0, g = 0, b = 0] = await values(bytes, { height: 1, width: 1 });
    expect(Math.max(Math.abs(r - 200), Math.abs(g - 100), Math.abs(b - 50))).toBeLessThan(12);
  });

  it.each([
    ['text', Buffer.from('not a picture')],
    ['nothing', Buffer.alloc(0)],
    ['half a picture', readFileSync('test/fixtures/text-line-0.png').subarray(0, 400)],
  ])('refuses %s, names the field and tells nothing of the decoder', async (_, bytes) => {
    const refused = imageTensor(bytes, X, recipe({}), 'instances[3].image');
    await expect(refused).rejects.toMatchObject({ ...refusal, message: expect.stringMatching(/is not a picture that can be decoded/) });
  });

  it('refuses more pixels than the recipe takes', async () => {
    const large = await sharp({ create: { width: 101, height: 10, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    await expect(imageTensor(large, X, recipe({ maxPixels: 1000 }), 'instances[3].image')).rejects.toMatchObject(refusal);
    await expect(imageTensor(large, X, recipe({ maxPixels: 1010 }), 'instances[3].image')).resolves.toBeDefined();
  });
});
