// Walks a list that begins again at its end.

export function nth<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('An empty list has no items');
  return item;
}
