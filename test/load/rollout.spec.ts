// A fleet behind a proxy is restarted one by one under load, as Kubernetes rolls out, and no request is lost.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Proxy } from '../fleet/proxy.js';
import { postAlone, type Fate } from '../setup/connection.js';
import { MINILM, sentences } from '../setup/fixtures.js';
import { limited, removeRepositories } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { debian } from '../setup/tools.js';
import { until } from '../setup/until.js';

const SERVERS = 3;
const CLIENTS = 32;
/** `npm run rollout` rolls out for a minute; a test does it once. */
const SECONDS = Number(process.env.ROLLOUT_SECONDS ?? 0);
const ENV = { DRAIN_SECONDS: '1', LOG_LEVEL: 'info' };
const texts = sentences().map(({ text }) => text);
const nginx = await debian('nginx');

let repository: string;
const servers: Server[] = [];
let proxy: Proxy | undefined;

beforeAll(async () => {
  repository = await limited([MINILM], 1);
  if (!nginx) return;
  const fleet = await Proxy.start();
  proxy = fleet;
  // After a reload nginx's old workers accept for a moment more: the first must not be those that have no server.
  await join(fleet);
  await Promise.all(Array.from({ length: SERVERS - 1 }, () => join(fleet)));
});
afterAll(async () => {
  await proxy?.stop();
  await Promise.all(servers.map((server) => server.stop()));
  await removeRepositories();
});

/** One more server, once requests reach it. */
async function join(fleet: Proxy): Promise<void> {
  const server = await Server.start({ MODEL_REPOSITORY: repository, CACHE: 'off', ...ENV });
  servers.push(server);
  fleet.servers.add(server.url);
  await fleet.routes(server.url, true);
}

/** The oldest leaves: it is told, the proxy sees that it is not ready, it ends. */
async function leave(fleet: Proxy): Promise<number | null> {
  const oldest = servers.shift();
  if (!oldest) throw new Error('no server is left; this is a bug');
  oldest.signal('SIGTERM');
  await fleet.routes(oldest.url, false);
  const { code } = await oldest.ended();
  fleet.servers.delete(oldest.url);
  return code;
}

(nginx ? it : it.skip)(
  'loses nothing when every server is replaced under 32 clients',
  async () => {
    if (!proxy) throw new Error('no proxy; this is a bug');
    const fleet = proxy;
    const fates: Fate[] = [];
    let rolls = true;
    const client = async (_: unknown, first: number): Promise<void> => {
      for (let index = first; rolls; index += CLIENTS) {
        fates.push(await postAlone(`${fleet.url}/v1/embeddings`, { model: MINILM, input: texts[index % texts.length] }));
      }
    };
    const load = Promise.all(Array.from({ length: CLIENTS }, client));
    await until('answers', () => fates.length > CLIENTS || undefined);
    const began = performance.now();
    const endings: (number | null)[] = [];
    try {
      do {
        for (let index = 0; index < SERVERS; index++) {
          await join(fleet);
          endings.push(await leave(fleet));
        }
      } while (performance.now() - began < SECONDS * 1000);
    } finally {
      rolls = false;
      await load;
    }

    const bad = fates.filter((fate) => fate.kind !== 'answered' || fate.status !== 200);
    process.stderr.write(`\n${fates.length} requests, ${bad.length} failed, ${endings.length} servers replaced\n`);
    expect(bad).toEqual([]);
    expect(endings).toEqual(endings.map(() => 0));
  },
  (SECONDS + 120) * 1000,
);
