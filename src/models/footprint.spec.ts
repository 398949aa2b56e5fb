// What a preparation is expected to take: of a folder with several forms of one model the one that is served counts.
import { expect, it } from '@jest/globals';
import type { ContainedFile } from './folder-contents.js';
import { bytesOfGraph } from './footprint.js';

const fileOf = (path: string): ContainedFile => ({ name: path, path, bytes: 1, modified: 0, changed: 0 }) as ContainedFile;

it('counts a graph and its weights, not the same model for other frameworks', () => {
  const own = ['m/model.onnx', 'm/model.onnx_data', 'm/weights.bin', 'm/config.json'];
  const others = ['m/model_O4.onnx', 'm/model.safetensors', 'm/pytorch_model.bin', 'm/tf_model.h5', 'm/openvino/model.bin'];
  expect(bytesOfGraph([...own, ...others].map(fileOf), 'm/model.onnx')).toBe(own.length);
});
