// Many keys in pieces: asked for at once they would keep everybody else from the tier, and overrun its time-out.

const KEYS_AT_ONCE = 1000;

/** One piece, the same array, where it is short enough. */
export function inPieces<T>(all: readonly T[]): (readonly T[])[] {
  if (all.length <= KEYS_AT_ONCE) return [all];
  const pieces: T[][] = [];
  for (let from = 0; from < all.length; from += KEYS_AT_ONCE) pieces.push(all.slice(from, from + KEYS_AT_ONCE));
  return pieces;
}
