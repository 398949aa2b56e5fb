// InferenceModule works in someone's own Nest application, without Nestor's routes.
import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { distance, MINILM, sentences, digits } from './setup/fixtures.js';
import { MODELS, ROOT } from './setup/paths.js';

// The compiled files, as an application that depends on Nestor has them; types come from the source, so that no build is needed to check.
type Modules = typeof import('../src/inference/inference.module.js') & typeof import('../src/inference/inference.service.js');
const load = (file: string): Promise<unknown> => import(`${ROOT}/dist/inference/${file}`);
const { InferenceModule } = (await load('inference.module.js')) as Modules;
const { InferenceService } = (await load('inference.service.js')) as Modules;

@Injectable()
class Search {
  constructor(readonly inference: InstanceType<typeof InferenceService>) {}
}

@Module({
  imports: [InferenceModule.forRoot({ repository: MODELS })],
  providers: [
    {
      provide: Search,
      useFactory: (inference: InstanceType<typeof InferenceService>) => new Search(inference),
      inject: [InferenceService],
    },
  ],
})
class SomeonesModule {}

let app: INestApplicationContext;
let search: Search;
beforeAll(async () => {
  app = await NestFactory.createApplicationContext(SomeonesModule, { logger: false, abortOnError: false });
  search = app.get(Search);
});
afterAll(() => app.close());

it('embeds texts', async () => {
  const [first, second] = sentences();
  const { vectors, tokens } = await search.inference.embed({ name: MINILM }, [first?.text ?? '', second?.ids ?? []]);
  expect(distance([...(vectors[0] ?? [])], first?.vector ?? [])).toBeLessThan(1e-5);
  expect(distance([...(vectors[1] ?? [])], second?.vector ?? [])).toBeLessThan(1e-5);
  expect(tokens).toBe((first?.ids.length ?? 0) + (second?.ids.length ?? 0));
});

it('predicts from tensors', async () => {
  const { pixels, labels } = digits();
  const data = Float32Array.from(pixels.slice(0, 3).flat());
  const tensors = [{ name: 'pixels', datatype: 'FP32' as const, shape: [3, 64], data }];
  const { model, outputs } = await search.inference.predict({ name: 'digits' }, { kind: 'tensors', tensors }, ['label']);
  expect([model.name, model.version]).toEqual(['digits', '1']);
  expect(outputs.map(({ name, shape }) => ({ name, shape }))).toEqual([{ name: 'label', shape: [3] }]);
  expect(Array.from(outputs[0]?.data as BigInt64Array, Number)).toEqual(labels.slice(0, 3));
  // What the caller handed over is still the caller's.
  expect(data).toHaveLength(192);
});

it('fails with a code of the table', async () => {
  await expect(search.inference.embed({ name: 'nobody' }, ['a'])).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', field: 'model' });
});
