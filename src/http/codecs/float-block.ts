// Vectors of one width as one block [n, d].

export interface FloatBlock {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly dimensions: number;
}

export function floatBlock(vectors: readonly Float32Array[]): FloatBlock {
  const dimensions = vectors[0]?.length ?? 0;
  const block = new Float32Array(vectors.length * dimensions);
  for (const [index, vector] of vectors.entries()) block.set(vector, index * dimensions);
  return { data: new Uint8Array(block.buffer), count: vectors.length, dimensions };
}
