// The warm-up: a model is taken for repeatable where company changes nothing.
import { describe, expect, it } from '@jest/globals';
import { HandRunner, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Batcher, type BatchingPolicy } from '../batching/batcher.js';
import { NestorError } from '../errors.js';
import type { Instance, RunResult } from '../runtime/instance.js';
import type { Tensor } from '../tensor.js';
import type { InputLimits } from './input-limits.js';
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
  readonly alive = { ready: 2, wanted: 2 };
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

/** Means over the ids and positions that the mask of each row leaves, or over all where it leaves none. */
class Masked extends Means {
  override run(_: Instance, [ids, mask]: readonly Tensor[]): Promise<RunResult> {
    const { shape: [rows = 0, width = 0] = [] } = ids ?? {};
    const [numbers, kept] = [ids, mask].map((tensor) => Array.from(tensor?.data as BigInt64Array, Number));
    const means = Array.from({ length: rows }, (_row, row) => {
      const places = Array.from({ length: width }, (_place, place) => row * width + place);
      const seen = places.filter((place) => kept?.[place] === 1);
      const some = seen.length > 0 ? seen : places;
      return some.reduce((sum, place) => sum + (numbers?.[place] ?? 0) + (place % width), 0) / some.length;
    });
    return Promise.resolve({ outputs: [{ name: 'mean', datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(means) }], seconds: 0 });
  }
}

/** The same means as numbers of another width. */
class Wide extends Means {
  constructor(
    overTheBatch: boolean,
    private readonly datatype: 'FP16' | 'FP64',
    private readonly noise = 0,
  ) {
    super(overTheBatch);
  }

  override async run(instance: Instance, inputs: readonly Tensor[]): Promise<RunResult> {
    const { outputs, seconds } = await super.run(instance, inputs);
    const of = this.datatype === 'FP16' ? Float16Array : Float64Array;
    const changed = outputs.map(({ data, ...rest }) => {
      const numbers = Array.from(data as Float32Array, (mean) => 8 * mean * (1 + this.noise * this.shapes.length));
      return { ...rest, datatype: this.datatype, data: of.from(numbers) };
    });
    return { outputs: changed, seconds };
  }
}

interface Given {
  readonly maxLength?: number;
  readonly policy?: BatchingPolicy;
  readonly limits?: InputLimits;
  /** Whether there is a tokenizer beside the graph. */
  readonly tokenizes?: boolean;
  readonly provider?: string;
}

function warmedUp(
  inputs: readonly string[],
  runner: Means,
  { maxLength, policy = BATCHES, limits = new Map(), tokenizes = true, provider = 'cuda' }: Given = {},
): Promise<Findings> {
  const signature = new Signature(inputs.map(tokens), [
    { name: 'mean', datatype: 'FP32', shape: [-1, 1], axes: ['batch_size', undefined] },
  ]);
  const layout = signature.layout(undefined, 0);
  const batcher = new Batcher(policy, layout, runner, new Ledger().metrics);
  const tokenizer = tokenizes ? { maxLength } : undefined;
  return warmUp({ signature, layout, limits, tokenizer, batcher, instances: runner, provider } as unknown as Model);
}

describe('the warm-up', () => {
  it('pads no text of a model that has no mask: its requests are not padded either', async () => {
    await expect(found(['input_ids'], false)).resolves.toEqual({ repeatable: true });
  });

  it('finds answers that depend on the rest of the batch, whose lengths are alike', async () => {
    await expect(found(['input_ids'], true)).resolves.toMatchObject({ repeatable: false });
  });

  it.each(['FP16', 'FP64'] as const)('finds them in %s too', async (datatype) => {
    await expect(warmedUp(['input_ids'], new Wide(true, datatype))).resolves.toMatchObject({ repeatable: false });
    await expect(warmedUp(['input_ids'], new Wide(false, datatype))).resolves.toEqual({ repeatable: true });
  });

  it('takes no rounding of halves for it', async () => {
    await expect(warmedUp(['input_ids'], new Wide(false, 'FP16', 0.001))).resolves.toEqual({ repeatable: true });
    await expect(warmedUp(['input_ids'], new Wide(false, 'FP64', 0.001))).resolves.toMatchObject({ repeatable: false });
  });

  it('runs none of the longest texts on a CPU, where they would make the load', async () => {
    const runner = new Means(false);
    await warmedUp(['input_ids', 'attention_mask'], runner, { maxLength: 10, provider: 'cpu' });
    expect(runner.shapes.filter(([, length]) => length === 10)).toEqual([]);
  });

  it('runs a full batch of the longest texts for each instance of a device', async () => {
    const runner = new Means(false);
    await warmedUp(['input_ids', 'attention_mask'], runner, { maxLength: 10 });
    const full = [BATCHES.maxRows, 10];
    expect(runner.shapes.slice(-2)).toEqual([full, full]);
  });

  it('leaves no instance with what others have left of a batch', async () => {
    const runner = new Means(false);
    await warmedUp(['input_ids', 'attention_mask'], runner, { maxLength: 10, policy: { ...POLICY, maxTokens: 40 } });
    expect(runner.shapes.slice(-2)).toEqual([
      [4, 10],
      [4, 10],
    ]);
  });

  it('takes texts for granted that run alone, though not in full batches', async () => {
    await expect(warmedUp(['input_ids', 'attention_mask'], new Means(false, 39), { maxLength: 10 })).resolves.toMatchObject({
      remark: expect.not.stringContaining('longest'),
    });
  });

  it('says that the longest texts cannot run, which keeps nobody from shorter ones', async () => {
    const runner = new Means(true, 99);
    await expect(warmedUp(['input_ids', 'attention_mask'], runner, { maxLength: 100 })).resolves.toMatchObject({
      remark: expect.stringMatching(/of 100 tokens, cannot run \(out of range\); lower maxLength/),
    });
  });

  it.each([true, false])('masks no text altogether, where there is a tokenizer: %s', async (tokenizes) => {
    await expect(warmedUp(['input_ids', 'attention_mask'], new Masked(false), { tokenizes })).resolves.toEqual({ repeatable: true });
  });

  it.each([true, false])('runs texts of the length that model.yaml asks for, where there is a tokenizer: %s', async (tokenizes) => {
    const limits = new Map([['input_ids', { shape: [-1, 12], min: 1 }]]);
    await expect(warmedUp(['input_ids', 'attention_mask'], new Masked(false), { tokenizes, limits })).resolves.toEqual({
      repeatable: true,
    });
  });

  it('finds answers that depend on padding', async () => {
    await expect(found(['input_ids', 'attention_mask'], false)).resolves.toMatchObject({ repeatable: false });
  });
});
