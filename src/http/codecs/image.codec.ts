// image/png, image/jpeg, image/webp: one picture as it is.
import { invalid, NestorError } from '../../errors.js';
import type { Model } from '../../models/model.js';
import type { Codec } from './codec.js';

export const imageCodec: Codec = {
  mediaTypes: ['image/png', 'image/jpeg', 'image/webp'],

  decodePrediction: ({ bytes }, model) => {
    requirePictures(model);
    if (bytes.byteLength === 0) throw invalid('body', 'The body is empty; send a picture');
    return { input: { kind: 'images', images: [bytes] }, byInstance: true };
  },
};

/** @throws NestorError UNSUPPORTED_MEDIA_TYPE for a model that takes no pictures. */
export function requirePictures({ name, image, task }: Model): void {
  if (image) return;
  throw new NestorError('UNSUPPORTED_MEDIA_TYPE', `The model ${name} serves ${task} and takes no pictures`, { field: 'Content-Type' });
}
