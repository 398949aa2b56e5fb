// The warm-up: a model is taken for repeatable where company changes nothing.
import { describe, expect, it } from '@jest/globals';
import { HandRunner, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Batcher } from '../batching/batcher.js';
import { NestorError } from '../errors.js';
import type { Instance, RunResult } from '../runtime/instance.js';
import type { Tensor } from '../tensor.js';
import type { Model } from './model.js';
import { Signature, type TensorSpec } from './signature.js';
import { warmUp, type Findings } from './warm-up.js';

/** Wide enough that few short samples are one batch for two instances too. */
const BATCHES = { ...POLICY, maxTokens: 160 };
const AXES = ['batch_size', 'sequence_length'];
const tokens = (name: string): TensorSpec => ({ name, datatype: 'INT64', shape: [-1, -1], axes: AXES });

/** Means over the ids of each row, padding included, or over those of the whole batch. */
class Means extends HandRunner {
  override seats = 2;
  override sharing = 2;
  /** Rows and tokens of each batch. */
  readonly shapes: (readonly number[])[] = [];

  constructor(
    private readonly overTheBatch: boolean,
    private readonly mostTokens = Infinity,
  ) {
    super();
  }

  override run(_: Instance, [ids]: readonly Tensor[]): Promise<RunResult> {
    const { shape: [rows = 0, width = 0] = [], data = new BigInt64Array() } = ids ?? {};
    this.shapes.push([rows, width]);
    if (rows * width > this.mostTokens) return Promise.reject(new NestorError('INFERENCE_FAILED', 'no', { cause: 'out of range' }));
    const numbers = Array.from(data as BigInt64Array, Number);
    const mean = (some: number[]): number => some.reduce((sum, id) => sum + id, 0) / some.length;
    const means = Array.from({ length: rows }, (_row, row) =>
      mean(this.overTheBatch ? numbers : numbers.slice(row * width, (row + 1) * width)),
    );
    return Promise.resolve({ outputs: [{ name: 'mean', datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(means) }], seconds: 0 });
  }
}

function found(inputs: readonly string[], overTheBatch: boolean): Promise<Findings> {
  return warmedUp(inputs, new Means(overTheBatch));
}

function warmedUp(inputs: readonly string[], runner: Means, maxLength?: number): Promise<Findings> {
  const signature = new Signature(inputs.map(tokens), [
    { name: 'mean', datatype: 'FP32', shape: [-1, 1], axes: ['batch_size', undefined] },
  ]);
  const layout = signature.layout(undefined, 0);
  const batcher = new Batcher(BATCHES, layout, runner, new Ledger().metrics);
  return warmUp({ signature, layout, limits: new Map(), tokenizer: { maxLength }, batcher, instances: runner } as unknown as Model);
}

describe('the warm-up', () => {
  it('pads no text of a model that has no mask: its requests are not padded either', async () => {
    await expect(found(['input_ids'], false)).resolves.toEqual({ repeatable: true });
  });

  it('finds answers that depend on the rest of the batch, whose lengths are alike', async () => {
    await expect(found(['input_ids'], true)).resolves.toMatchObject({ repeatable: false });
  });

  it('runs a full batch of the longest texts for each instance', async () => {
    const runner = new Means(false);
    await warmedUp(['input_ids', 'attention_mask'], runner, 10);
    const full = [BATCHES.maxRows, 10];
    expect(runner.shapes.slice(-2)).toEqual([full, full]);
  });

  it('says that the longest texts cannot run, which keeps nobody from shorter ones', async () => {
    const runner = new Means(true, 99);
    await expect(warmedUp(['input_ids', 'attention_mask'], runner, 100)).resolves.toMatchObject({
      remark: expect.stringMatching(/of 100 tokens, cannot run \(out of range\); lower maxLength/),
    });
  });

  it('finds answers that depend on padding', async () => {
    await expect(found(['input_ids', 'attention_mask'], false)).resolves.toMatchObject({ repeatable: false });
  });
});
