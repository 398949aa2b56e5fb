// Embeddings of single texts, a number of clients each waiting for its answer; the health route is probed beside.
import type { Cell } from '../cell.ts';
import { startProbe } from '../load/probe.ts';
import { warmUp, wrk } from '../load/wrk.ts';
import type { Bodies } from '../texts.ts';

export function embed(clients: number): Cell {
  const load = (url: string, { embedFile }: Bodies) => ({ url: `${url}/v1/embeddings`, bodies: embedFile, clients });
  return {
    name: `embed-${clients}`,
    title: `Embeddings, ${clients} client${clients === 1 ? '' : 's'}`,
    stage: 1,
    ofCeiling: true,
    warmUp: ({ url }, { options, bodies, offset }) =>
      warmUp({ ...load(url, bodies), offset: offset + bodies.embed.length / 2, seconds: options.warmupSeconds }),
    async run({ url, server, memoryMiB }, { options, bodies, offset }) {
      const stopProbe = startProbe(url + server.live);
      const figures = await wrk({ ...load(url, bodies), offset, seconds: options.seconds });
      return { ...figures, memoryMiB: memoryMiB(), healthP99Ms: await stopProbe() };
    },
  };
}
