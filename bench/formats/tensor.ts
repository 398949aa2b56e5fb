// The tensor that every format carries: a picture as image models take it, and the model that gives it back.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityModel } from '../../test/soak/identity-model.ts';
import { WORK } from '../paths.ts';
import { seededRandom } from '../random.ts';

export const SHAPE = [1, 3, 224, 224];
export const ELEMENTS = 3 * 224 * 224;
const REPOSITORY = join(WORK, 'identity-models');
const MODEL = join(REPOSITORY, 'identity', '1', 'model.onnx');

/** Bytes of a picture, scaled as ImageNet's are. */
export function picture(): Float32Array<ArrayBuffer> {
  const random = seededRandom(1);
  return Float32Array.from({ length: ELEMENTS }, () => (Math.floor(random() * 256) / 255 - 0.45) / 0.225);
}

export function writeModel(): { repository: string; model: string } {
  mkdirSync(join(MODEL, '..'), { recursive: true });
  writeFileSync(MODEL, identityModel('FP32', ['n', ...SHAPE.slice(1)]));
  return { repository: REPOSITORY, model: MODEL };
}
