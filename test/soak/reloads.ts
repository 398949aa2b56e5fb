// The second part of `npm run soak`: a model is exchanged a hundred times under load; nothing fails, and memory does not climb.
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { post } from './client.ts';
import { identityModel } from './identity-model.ts';
import { slope } from './memory.ts';
import { Server } from './server.ts';

const RELOADS = Number(process.env.SOAK_RELOADS ?? 100);
const CLIENTS = 4;
/** Share of the reloads in which memory may find its level. */
const SETTLING = 0.2;
/** Most growth of the rest, as a share of the memory a reload. */
const MOST_GROWTH = 0.002;
const PREDICT = '/v1/models/m/predict';

const repository = await mkdtemp(join(tmpdir(), 'nestor-reloads-'));
await mkdir(join(repository, 'm/1'), { recursive: true });
await writeFile(join(repository, 'm/1/model.onnx'), identityModel('FP32', ['rows', 'values']));
const server = await Server.start({ MODEL_REPOSITORY: repository, ADMIN_API: 'on' });

const faults: string[] = [];
let served = 0;
let goOn = true;
const body = Buffer.from(JSON.stringify({ inputs: { x: [[1, 2, 3]] } }));
const client = async (): Promise<void> => {
  while (goOn && server.alive) {
    const ending = await post(server.url, { path: PREDICT, body });
    if (ending.kind === 'answer' && ending.status === 200) served += 1;
    else faults.push(ending.kind === 'answer' ? `${ending.status} ${ending.body}` : `a request had no answer: ${ending.kind}`);
  }
};
const clients = Promise.all(Array.from({ length: CLIENTS }, client));

const memory: { seconds: number; mib: number }[] = [];
for (let reload = 1; reload <= RELOADS && server.alive; reload++) {
  const [old, next] = [join(repository, `m/${reload}`), join(repository, `m/${reload + 1}`)];
  await cp(old, `${next}.new`, { recursive: true });
  await rename(`${next}.new`, next);
  const ending = await post(server.url, { path: '/v2/repository/models/m/load', body: Buffer.from('{}') });
  if (ending.kind !== 'answer' || ending.status !== 200) faults.push(`reload ${reload} failed`);
  await rm(old, { recursive: true });
  // A reload counts as a minute, so that the slope is MiB a reload.
  memory.push({ seconds: reload * 60, mib: server.memoryMiB });
}
goOn = false;
await clients;

const settled = memory.slice(Math.floor(RELOADS * SETTLING));
const growth = slope(settled) / (settled.at(-1)?.mib ?? NaN);
process.stdout.write(`${RELOADS} reloads, ${served} requests served meanwhile, ${faults.length} failed\n`);
process.stdout.write(
  `memory     ${memory[0]?.mib.toFixed(0)} MiB after the first, ${memory.at(-1)?.mib.toFixed(0)} after the last; of the last ${settled.length} each adds ${(growth * 100).toFixed(3)} %\n`,
);
if (!(growth < MOST_GROWTH)) faults.push(`memory grows by ${(growth * 100).toFixed(3)} % a reload`);
if (!server.alive) faults.push('the server died');
else if ((await server.stop()) !== 0) faults.push('the server did not end in order');
await rm(repository, { recursive: true });
process.stdout.write(faults.length === 0 ? 'all is well\n' : `${faults.slice(0, 20).join('\n')}\n`);
process.exit(faults.length === 0 ? 0 : 1);
