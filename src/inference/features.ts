// Texts -> token ids and pictures -> tensors, remembered where the model asks for it.
import { Injectable } from '@nestjs/common';
import { CacheService, type CacheMode } from '../cache/cache.service.js';
import { KeyMaker } from '../cache/key.js';
import type { Level } from '../cache/level.js';
import { imageTensor } from '../features/image.js';
import type { ImageRecipe } from '../features/image-recipe.js';
import type { Cut, Tokenizer } from '../features/tokenizer.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import type { Tensor } from '../tensor.js';
import { pictures, tokens } from './levels.js';
import { USUAL_URGENCY } from '../batching/item.js';

@Injectable()
export class Features {
  constructor(private readonly cache: CacheService) {}

  /** The ids of each text, in order. */
  async tokens(
    model: Model,
    tokenizer: Tokenizer,
    texts: readonly string[],
    cut: Cut = 'right',
    mode: CacheMode = 'use',
  ): Promise<readonly (readonly number[])[]> {
    if (!this.#remembers(model, mode)) return tokenizer.encode(texts, cut);
    const maker = new KeyMaker(model.cache.scope, tokens.name, { maxLength: tokenizer.maxLength, cut });
    const keys = texts.map((text) => maker.text(text));
    return this.#recall(model, tokens, keys, mode, (missing) =>
      tokenizer.encode(
        missing.map((index) => texts[index] ?? ''),
        cut,
      ),
    );
  }

  /** The pictures at these places, decoded at once, one tensor each. @throws NestorError INVALID_REQUEST that names the place. */
  async pictures(
    model: Model,
    recipe: ImageRecipe,
    input: TensorSpec,
    images: readonly Uint8Array[],
    places: readonly number[],
    mode: CacheMode = 'use',
  ): Promise<Tensor[]> {
    const decode = (wanted: readonly number[]): Promise<Tensor[]> =>
      Promise.all(wanted.map((place) => imageTensor(images[place] ?? new Uint8Array(), input, recipe, `instances[${place}].image`)));
    if (!this.#remembers(model, mode)) return decode(places);
    const maker = new KeyMaker(model.cache.scope, pictures.name, { name: input.name });
    const keys = await maker.eachBytes(places.map((place) => images[place] ?? new Uint8Array()));
    return this.#recall(model, pictures, keys, mode, (missing) => decode(missing.map((index) => places[index] ?? 0)));
  }

  /** What leaves no trace leaves none of its parts. */
  #remembers({ cache }: Model, mode: CacheMode): boolean {
    return mode !== 'bypass' && this.cache.enabled && cache.features.size > 0;
  }

  async #recall<T>(
    { cache: policy }: Model,
    level: Level<T>,
    keys: readonly string[],
    mode: CacheMode,
    compute: (missing: readonly number[]) => Promise<readonly T[]>,
  ): Promise<T[]> {
    const request = { level, policy, tiers: policy.features, mode, urgency: USUAL_URGENCY, compute } as const;
    return (await this.cache.recall(keys, request)).map(({ value }) => value);
  }
}
