// What a prepared model depends on beside the model itself.
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { processorFeatures, runtimeVersion } from './platform.js';

it('the version of ONNX Runtime is that of its package', () => {
  const { version } = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8')) as { version: string };
  expect(runtimeVersion()).toBe(version);
});

it('processors with the same instruction sets are the same, in whatever order they name them and however fast they are', () => {
  const one = processorFeatures('processor\t: 0\nflags\t\t: fpu avx2 avx512f\ncpu MHz\t: 2000\n');
  expect(processorFeatures('processor\t: 0\ncpu MHz\t: 3000\nflags\t\t: avx2 fpu avx512f\n')).toBe(one);
  expect(processorFeatures('processor\t: 0\nflags\t\t: fpu avx2\n')).not.toBe(one);
  expect(processorFeatures('processor\t: 0\nFeatures\t: fp asimd\n')).not.toBe(processorFeatures('Features\t: fp asimd sve\n'));
});

it('without such a list the model of the processor stands for it', () => {
  expect(processorFeatures('')).toMatch(new RegExp(`^${process.arch}-[0-9a-f]{16}$`));
});
