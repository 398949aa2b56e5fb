// A kind of value that is remembered.

/** What it is called in metrics and keys, and how it becomes bytes and is read again. */
export interface Level<T> {
  readonly name: string;
  readonly encode: (value: T) => Uint8Array;
  /** Bytes that it takes, more or less. */
  readonly sizeOf: (value: T) => number;
  /** Undefined for bytes that mean nothing. @throws whatever it likes for them. */
  readonly decode: (bytes: Uint8Array) => T | undefined;
}
