// Embeddings of single texts, a number of clients each waiting for its answer; the health route is probed beside.
import type { Cell } from '../cell.ts';
import { startProbe } from '../load/probe.ts';
import { warmUp, wrk } from '../load/wrk.ts';

export function embed(clients: number): Cell {
  return {
    name: `embed-${clients}`,
    title: `Embeddings, ${clients} client${clients === 1 ? '' : 's'}`,
    stage: 1,
    ofCeiling: true,
    async run({ url, server, memoryMiB }, { options, bodies, offset }) {
      const load = { url: `${url}/v1/embeddings`, bodies: bodies.embedFile, clients };
      await warmUp({ ...load, offset: offset + bodies.embed.length / 2, seconds: options.warmupSeconds });
      const stopProbe = startProbe(url + server.live);
      const figures = await wrk({ ...load, offset, seconds: options.seconds });
      return { ...figures, memoryMiB: memoryMiB(), healthP99Ms: await stopProbe() };
    },
  };
}
