// The noun that flows: a named datatype, a shape, and the elements in row-major order.

/** Float16Array where the runtime and the types know it (Node 24, browsers of 2025), else the bits of the numbers. */
export type Float16 = typeof globalThis extends { Float16Array: new (length: number) => infer A } ? A : Uint16Array;

/** What holds the elements of each datatype, by its Open Inference Protocol name. BYTES are texts. */
export interface DataOf {
  /** 0 or 1. */
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Float16;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: readonly string[];
}

export type Datatype = keyof DataOf;

interface TensorOf<D extends Datatype> {
  readonly datatype: D;
  /** Sizes of the axes, outermost first; `[]` is a scalar of one element. */
  readonly shape: readonly number[];
  readonly data: DataOf[D];
}

/** Where the datatype is not known beforehand, `tensor.datatype === 'FP32'` tells the type of its data. */
export type Tensor<D extends Datatype = Datatype> = D extends Datatype ? TensorOf<D> : never;

/** The array says the datatype, but for BOOL, which shares Uint8Array with UINT8, and FP16 as bits, which shares Uint16Array. */
export type TensorInput<D extends Datatype = Datatype> = D extends 'BOOL'
  ? TensorOf<D>
  : D extends Datatype
    ? Omit<TensorOf<D>, 'datatype'> & { readonly datatype?: D }
    : never;

/** Datatypes by name. */
export type Signature<S> = Record<keyof S, Datatype>;
export type AnySignature = Record<string, Datatype>;

export type Tensors<S extends Signature<S>> = { readonly [Name in keyof S]: Tensor<S[Name]> };
export type TensorInputs<S extends Signature<S>> = { readonly [Name in keyof S]: TensorInput<S[Name]> };
