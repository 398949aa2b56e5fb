// Nested arrays of numbers as one block: what a large JSON body has instead of millions of values.

type Values = Float64Array | readonly (number | bigint)[];

export class NumberBlock {
  constructor(
    /** Sizes of the arrays, outermost first; all arrays of one depth are of one size. */
    readonly shape: readonly number[],
    /** Row-major. An array holds BigInts for the integers that a double cannot hold. */
    readonly values: Values,
  ) {}

  /** The elements of the outermost array: numbers, arrays of numbers, or blocks of these. */
  rows(): unknown[] {
    const { values } = this;
    const [count = 0, ...rest] = this.shape;
    if (rest.length === 0) return listOf(values, 0, count);
    const width = values.length / count;
    return Array.from({ length: count }, (_, row) => {
      const [from, to] = [row * width, (row + 1) * width];
      return rest.length === 1 ? listOf(values, from, to) : new NumberBlock(rest, values.slice(from, to));
    });
  }
}

/** A view for each row, and an iterator to read it, took ten times as long. */
function listOf(values: Values, from: number, to: number): (number | bigint)[] {
  const list = new Array<number | bigint>(to - from);
  for (let index = from; index < to; index++) list[index - from] = values[index] ?? 0;
  return list;
}
