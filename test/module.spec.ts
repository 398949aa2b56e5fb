// InferenceModule works in someone's own Nest application, without Nestor's routes.
import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { distance, MINILM, sentences, digits } from './setup/fixtures.js';
import { MODELS, ROOT } from './setup/paths.js';
import { outcome } from './setup/tools.js';

// By the names of package.json, as an application that depends on Nestor has them; types come from the source, so that no build is needed to check.
type Modules = typeof import('../src/inference/inference.module.js') & typeof import('../src/inference/inference.service.js');
const load = (name: string): Promise<unknown> => import(`nestor/${name}`);
const { InferenceModule } = (await load('inference.module')) as Modules;
const { InferenceService } = (await load('inference.service')) as Modules;

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

it('is in the package that npm pack makes, under the names that it exports', async () => {
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, string> };
  // Without its prepack, which installs and builds.
  const { text } = await outcome('npm', ['pack', ROOT, '--dry-run', '--json', '--ignore-scripts']);
  const [packed] = JSON.parse(text) as { files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => `./${path}`);
  const compiled = Object.values(exports);
  expect(compiled).toHaveLength(3);
  expect(paths).toEqual(expect.arrayContaining([...compiled, ...compiled.map((path) => path.replace(/js$/, 'd.ts'))]));
  expect(paths?.filter((path) => !path.startsWith('./dist/')).sort()).toEqual(['./LICENSE', './README.md', './package.json']);
});
