// The inputs and outputs of a model, and what their axes tell of batching.
import type { Layout } from '../batching/layout.js';
import { datatypeOf } from '../runtime/datatypes.js';
import type { SessionMetadata } from '../runtime/instance.js';
import type { WireMetadata } from '../runtime/messages.js';
import type { Datatype } from '../tensor.js';

export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Sizes of the axes; -1 where an axis is free. */
  readonly shape: readonly number[];
  /** Names of the free axes where the model gives them. */
  readonly axes: readonly (string | undefined)[];
}

export class Signature {
  constructor(
    readonly inputs: readonly TensorSpec[],
    readonly outputs: readonly TensorSpec[],
  ) {}

  /** @throws Error when a tensor has a datatype that cannot be served. */
  static of(metadata: SessionMetadata): Signature {
    return new Signature(metadata.inputs.map(specOf), metadata.outputs.map(specOf));
  }

  input(name: string): TensorSpec | undefined {
    return this.inputs.find((spec) => spec.name === name);
  }

  output(name: string): TensorSpec | undefined {
    return this.outputs.find((spec) => spec.name === name);
  }

  /**
   * Rows can share a tensor where the first axis of every input and output is free. Sequences of different lengths can
   * where the model takes an attention mask and names its second axis: that is the sequence, in every tensor that has it. Otherwise only
   * those of one length travel together.
   */
  layout(enabled: boolean | undefined, padTokenId: number, segments = false): Layout {
    const free = (spec: TensorSpec, axis: number): boolean => spec.shape[axis] === -1;
    const batches = enabled ?? [...this.inputs, ...this.outputs].every((spec) => free(spec, 0));
    const mask = this.input('attention_mask');
    const sequence = mask?.axes[1];
    const padded = (spec: TensorSpec): boolean => free(spec, 1) && spec.axes[1] === sequence;
    // A free second axis that may be the sequence and does not say so would keep its padding, and an average would count it in.
    const unclear = (spec: TensorSpec): boolean => free(spec, 1) && !padded(spec) && (spec.shape.length > 2 || spec.axes[1] === undefined);
    if (!batches || !mask || sequence === undefined || this.outputs.some(unclear)) {
      return { batches, paddedInputs: new Map(), paddedOutputs: new Set() };
    }
    return {
      batches,
      segmentsBy: segments ? mask.name : undefined,
      paddedInputs: new Map(this.inputs.filter(padded).map(({ name }) => [name, name === 'input_ids' ? padTokenId : 0])),
      paddedOutputs: new Set(this.outputs.filter(padded).map(({ name }) => name)),
    };
  }
}

function specOf({ name, type, shape }: WireMetadata): TensorSpec {
  return {
    name,
    datatype: datatypeOf(type),
    shape: shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)),
    axes: shape.map((size) => (typeof size === 'string' && size !== '' ? size : undefined)),
  };
}
