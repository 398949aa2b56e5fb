// Nested arrays of numbers as one block: what a large JSON body has instead of millions of values.

export class NumberBlock {
  constructor(
    /** Sizes of the arrays, outermost first; all arrays of one depth are of one size. */
    readonly shape: readonly number[],
    /** Row-major. An array holds BigInts for the integers that a double cannot hold. */
    readonly values: Float64Array | readonly (number | bigint)[],
  ) {}

  /** The elements of the outermost array: numbers, or blocks that share memory with this one. */
  rows(): unknown[] {
    const [count = 0, ...rest] = this.shape;
    if (rest.length === 0) return Array.from<number | bigint>(this.values);
    const width = this.values.length / count;
    return Array.from({ length: count }, (_, row) => {
      const { values } = this;
      const [from, to] = [row * width, (row + 1) * width];
      return new NumberBlock(rest, values instanceof Float64Array ? values.subarray(from, to) : values.slice(from, to));
    });
  }
}
