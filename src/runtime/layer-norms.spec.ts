// Layer norms that are written anew: the same numbers, by the operators that are quick, and nothing else of the model touched.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { identityModel } from '../../test/soak/identity-model.js';
import type { Tensor } from '../tensor.js';
import { Instance } from './instance.js';
import { withFastLayerNorms } from './layer-norms.js';
import { ConstantSchema, GraphSchema, ModelSchema, NodeSchema, type Node } from './onnx_pb.js';
import { sessionOptions } from './session-options.js';
import { starterUrl, WorkerThreads } from './worker-threads.js';

/** Every form of the operator; `test/fixtures/models/build.py` says which output is which. */
const MODEL = 'test/fixtures/models/skip-norms/1/model.onnx';
const OUTPUTS = ['plain', 'whole', 'beside', 'sum', 'spread', 'left'];
const threads = new WorkerThreads(starterUrl());
const instances: Instance[] = [];
let folder: string;

async function started(modelPath: string): Promise<Instance> {
  const nothing = (): void => undefined;
  const instance = new Instance({
    openWorker: () => threads.open(),
    modelPath,
    sessionOptions: sessionOptions({ provider: 'cpu', deviceId: 0, intraOpThreads: 1, spinning: false, prepared: true, entries: {} }),
    threads: 1,
    niceness: 0,
    onRestart: nothing,
    onLost: nothing,
    onFailing: nothing,
    onUnfit: nothing,
  });
  instances.push(instance);
  await instance.start();
  return instance;
}

let original: Instance;
let rewritten: Instance;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestor-norms-'));
  const path = join(folder, 'model.onnx');
  await writeFile(path, withFastLayerNorms(await readFile(MODEL)));
  [original, rewritten] = await Promise.all([started(MODEL), started(path)]);
});
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  await threads.close();
  await rm(folder, { recursive: true });
});

const nodesOf = (model: Uint8Array): Node[] => fromBinary(ModelSchema, model).graph?.node ?? [];
const kinds = (model: Uint8Array): string[] => nodesOf(model).map(({ opType }) => opType);

it('leaves no slow one but the one whose scale may be of another datatype', async () => {
  const nodes = nodesOf(withFastLayerNorms(await readFile(MODEL)));
  expect(nodes.filter(({ opType }) => opType === 'SkipLayerNormalization').map(({ name }) => name)).toEqual(['left']);
  expect(nodes.filter(({ opType }) => opType === 'LayerNormalization').map(({ name }) => name)).toEqual([
    'plain',
    'whole',
    'beside',
    'spread',
  ]);
});

it('means the same as before, for any numbers', async () => {
  // Of rows of almost one number the deviation is rounding alone, and another one in each kernel: these rise from 0 to 21.
  const rising = (data: number[]): number[] => data.map((number, place) => number + 3 * (place % 8));
  const value = fc.float({ min: -1, max: 1, noNaN: true });
  const row = (batch: number): fc.Arbitrary<number[]> => fc.array(value, { minLength: batch * 24, maxLength: batch * 24 });
  const inputs = fc.integer({ min: 1, max: 3 }).chain((batch) => fc.tuple(fc.constant(batch), row(batch), row(batch)));
  await fc.assert(
    fc.asyncProperty(inputs, async ([batch, x, skip]) => {
      const tensor = (name: string, data: number[]): Tensor => ({
        name,
        datatype: 'FP32',
        shape: [batch, 3, 8],
        data: Float32Array.from(data),
      });
      const run = async (instance: Instance) => (await instance.run([tensor('x', rising(x)), tensor('skip', skip)], OUTPUTS)).outputs;
      const [before, after] = [await run(original), await run(rewritten)];
      expect(after.map(({ name, shape }) => ({ name, shape }))).toEqual(before.map(({ name, shape }) => ({ name, shape })));
      for (const [index, { name, data }] of before.entries()) {
        const got = after[index]?.data as Float32Array;
        for (const [place, wanted] of (data as Float32Array).entries()) {
          expect({ name, place, off: Math.abs((got[place] ?? NaN) - wanted) > 1e-5 * Math.max(1, Math.abs(wanted)) }).toEqual({
            name,
            place,
            off: false,
          });
        }
      }
    }),
    { numRuns: 100 },
  );
});

describe('what is left as it is', () => {
  it('is a model without such norms, to the byte', () => {
    const model = identityModel('FP32', ['n']);
    expect(withFastLayerNorms(model)).toBe(model);
  });

  const norm = (node: Partial<Pick<Node, 'domain' | 'output'>>, dataType = 1): Uint8Array =>
    toBinary(
      ModelSchema,
      create(ModelSchema, {
        graph: create(GraphSchema, {
          node: [
            create(NodeSchema, {
              opType: 'SkipLayerNormalization',
              domain: 'com.microsoft',
              input: ['x', 'skip', 'gamma'],
              output: ['y'],
              ...node,
            }),
          ],
          initializer: [create(ConstantSchema, { name: 'gamma', dataType })],
        }),
      }),
    );

  it.each([
    ['of halves', norm({}, 10)],
    ["of somebody else's domain", norm({ domain: 'example.com' })],
    ['that also puts out the mean', norm({ output: ['y', 'mean'] })],
    ['that also puts out the deviation', norm({ output: ['y', '', 'deviation'] })],
  ])('is one %s', (_, model) => {
    expect(kinds(withFastLayerNorms(model))).toEqual(['SkipLayerNormalization']);
  });

  it('is everything else of a model', async () => {
    const untouched = ({ graph, ...rest }: ReturnType<typeof fromBinary<typeof ModelSchema>>): unknown => ({
      ...rest,
      graph: { ...graph, node: graph?.node.filter(({ name }) => name === 'left' || name === '') },
    });
    const model = await readFile(MODEL);
    expect(untouched(fromBinary(ModelSchema, withFastLayerNorms(model)))).toEqual(untouched(fromBinary(ModelSchema, model)));
  });
});
