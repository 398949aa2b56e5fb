// Typed contents that would take the event loop for long are refused with the way around; bytes of any size are not.
import { expect, it } from '@jest/globals';
import type { Prediction } from '../inference/prediction.js';
import type { Datatype, TensorData } from '../tensor.js';
import type { InferQuery } from './infer-request.js';
import { inferResponse } from './infer-response.js';

const MOST = 1024 * 1024;

function answer(binary: boolean, datatype: Datatype, ...data: TensorData[]) {
  const outputs = data.map((each, index) => ({ name: `y${index}`, datatype, shape: [each.length], data: each }));
  const prediction = { model: { name: 'm', version: '1' }, outputs } as unknown as Prediction;
  return inferResponse({ id: '', isBinary: () => binary } as unknown as InferQuery, prediction);
}

it.each<[string, Datatype, TensorData[]]>([
  ['numbers', 'UINT8', [new Uint8Array(MOST), new Uint8Array(1)]],
  ['texts', 'BYTES', [Array.from({ length: MOST / 8 + 1 }, () => '')]],
])('too many %s', (_, datatype, data) => {
  expect(() => answer(false, datatype, ...data)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'outputs' }));
  expect(answer(true, datatype, ...data).rawOutputContents).toHaveLength(data.length);
  expect(answer(false, datatype, ...data.slice(1)).outputs).toHaveLength(data.length - 1);
});
