// The warm-up: a model is taken for repeatable where company changes nothing.
import { describe, expect, it } from '@jest/globals';
import { HandRunner, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Batcher } from '../batching/batcher.js';
import type { Instance, RunResult } from '../runtime/instance.js';
import type { Tensor } from '../tensor.js';
import type { Model } from './model.js';
import { Signature, type TensorSpec } from './signature.js';
import { warmUp, type Findings } from './warm-up.js';

const AXES = ['batch_size', 'sequence_length'];
const tokens = (name: string): TensorSpec => ({ name, datatype: 'INT64', shape: [-1, -1], axes: AXES });

/** Means over the ids of each row, padding included, or over those of the whole batch. */
class Means extends HandRunner {
  constructor(private readonly overTheBatch: boolean) {
    super();
  }

  override run(_: Instance, [ids]: readonly Tensor[]): Promise<RunResult> {
    const { shape: [rows = 0, width = 0] = [], data = new BigInt64Array() } = ids ?? {};
    const numbers = Array.from(data as BigInt64Array, Number);
    const mean = (some: number[]): number => some.reduce((sum, id) => sum + id, 0) / some.length;
    const means = Array.from({ length: rows }, (_row, row) =>
      mean(this.overTheBatch ? numbers : numbers.slice(row * width, (row + 1) * width)),
    );
    return Promise.resolve({ outputs: [{ name: 'mean', datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(means) }], seconds: 0 });
  }
}

function found(inputs: readonly string[], overTheBatch: boolean): Promise<Findings> {
  const signature = new Signature(inputs.map(tokens), [
    { name: 'mean', datatype: 'FP32', shape: [-1, 1], axes: ['batch_size', undefined] },
  ]);
  const layout = signature.layout(undefined, 0);
  const runner = new Means(overTheBatch);
  const batcher = new Batcher(POLICY, layout, runner, new Ledger().metrics);
  return warmUp({ signature, layout, limits: new Map(), tokenizer: {}, batcher } as unknown as Model);
}

describe('the warm-up', () => {
  it('pads no text of a model that has no mask: its requests are not padded either', async () => {
    await expect(found(['input_ids'], false)).resolves.toEqual({ repeatable: true });
  });

  it('finds answers that depend on the rest of the batch, whose lengths are alike', async () => {
    await expect(found(['input_ids'], true)).resolves.toMatchObject({ repeatable: false });
  });

  it('finds answers that depend on padding', async () => {
    await expect(found(['input_ids', 'attention_mask'], false)).resolves.toMatchObject({ repeatable: false });
  });
});
