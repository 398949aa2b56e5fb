// Clients that work side by side.

/** Does a task for each item with so many clients, each taking the next item when it is free; answers in the order of the items. */
export async function inParallel<T, R>(items: readonly T[], clients: number, task: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const answers = new Array<R>(items.length);
  const queue = items.entries();
  const client = async (): Promise<void> => {
    for (const [index, item] of queue) answers[index] = await task(item, index);
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers;
}
