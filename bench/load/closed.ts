// The closed loop in Node, for where the answers matter or something outside says when to end.
import type { Answer } from './http.ts';

/** Each client sends its next request once it has the answer to the last; gives all latencies in ms. */
export async function closedLoop(clients: number, send: (index: number) => Promise<Answer>, goOn: () => boolean): Promise<number[]> {
  const latencies: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (goOn()) {
      const begin = performance.now();
      const { status } = await send(next++);
      if (status !== 200) throw new Error(`A request beside was answered ${status}`);
      latencies.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
}

export function forSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() < end;
}
