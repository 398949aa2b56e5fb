// Malformed bodies in every format: no 5xx, every refusal names the field, the process lives on and does not grow.
// `npm run fuzz` sends 10,000 in each format; FUZZ_SEED gives others.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Tensor } from '../src/tensor.js';
import { send as get, type Problem } from './setup/client.js';
import { forge } from './setup/forge.js';
import { FORMATS, send, type Outgoing } from './setup/formats.js';
import { inParallel } from './setup/load.js';
import { oneOf } from './setup/mutate.js';
import { removeRepositories, shipped, written } from './setup/repository.js';
import { COLLECTS, keptBytes } from './setup/kept-bytes.js';
import { Server } from './setup/server.js';
import { identityModel } from './soak/identity-model.js';
import { seeded } from './soak/random.js';

const BODIES = Number(process.env.FUZZ_BODIES ?? 1000);
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_124);
const CLIENTS = 8;
const REFUSALS = [400, 404, 406, 413, 415];
/** What 500 bodies may leave behind once garbage is collected: nothing of a request, but heaps breathe. */
const GROWTH_BYTES = 16 * 1024 * 1024;

const tensor = (datatype: Tensor['datatype'], shape: readonly number[], data: Tensor['data'], name = 'x'): Tensor => ({
  name,
  datatype,
  shape,
  data,
});
/** Long enough to be read in turns where it is JSON. */
const long = Float32Array.from({ length: 12_000 }, (_, index) => Math.sin(index));
const VALID: readonly (readonly [string, readonly Tensor[], readonly string[]])[] = [
  ['floats', [tensor('FP32', [2, 3], Float32Array.of(1, -0.5, 0, 3e38, 1e-40, 7))], ['y']],
  ['floats', [tensor('FP32', [3, 4000], long)], ['y']],
  ['longs', [tensor('INT64', [1, 3], BigInt64Array.of(1n, -(2n ** 63n), 2n ** 53n + 1n))], ['y']],
  ['texts', [tensor('BYTES', [1, 2], ['a', 'Zürich'])], ['y']],
  ['flags', [tensor('BOOL', [2, 1], Uint8Array.of(0, 1))], ['y']],
];
const STATEFUL = [
  tensor('FP32', [1, 576], new Float32Array(576), 'input'),
  tensor('FP32', [2, 1, 128], new Float32Array(256), 'state'),
  tensor('INT64', [], BigInt64Array.of(16_000n), 'sr'),
];

let server: Server;
beforeAll(async () => {
  const models = { floats: 'FP32', longs: 'INT64', texts: 'BYTES', flags: 'BOOL' } as const;
  const files = Object.entries(models).map(([name, datatype]) => [`${name}/1/model.onnx`, identityModel(datatype, ['n', 'm'])] as const);
  const repository = await written({ ...Object.fromEntries(files), 'silero-vad': { from: shipped('silero-vad') } });
  server = await Server.start({ MODEL_REPOSITORY: repository, CACHE_MEMORY_BYTES: '4000000' }, COLLECTS);
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const shown = ({ path, headers, body }: Outgoing): string =>
  `${path} ${JSON.stringify(headers).slice(0, 300)} ${Buffer.from(body.subarray(0, 200)).toString('base64')}`;

it.each(FORMATS)(
  `${BODIES} malformed bodies as $name are refused by name`,
  async (format) => {
    const random = seeded(SEED);
    const cases = [...VALID, ...(format.single ? [] : [['silero-vad', STATEFUL, ['output', 'stateN']] as const])].filter(([, inputs]) =>
      inputs.every(format.carries),
    );
    const faults = new Map<string, string>();
    const counts = new Map<number, number>();
    const round = async (count: number): Promise<void> => {
      const requests = Array.from({ length: count }, () => forge(format, ...oneOf(random, cases), random));
      await inParallel(requests, CLIENTS, async (request) => {
        const { status, body } = await send(server.url, request);
        counts.set(status, (counts.get(status) ?? 0) + 1);
        if (status === 200) return;
        const text = body.toString();
        const { field, code } = (text.startsWith('{') ? JSON.parse(text) : {}) as Partial<Problem>;
        if (!REFUSALS.includes(status) || !field) faults.set(`${status} ${code} ${text.slice(0, 200)}`, shown(request));
      });
    };
    for (let sent = 0; sent < BODIES; sent += 500) await round(Math.min(500, BODIES - sent));
    // Heaps grow to their largest work; what a leak would take, it takes every time.
    let grown = Infinity;
    for (let again = 0; again < 4 && grown >= GROWTH_BYTES; again++) {
      const before = await keptBytes(server);
      await round(Math.min(500, BODIES));
      grown = (await keptBytes(server)) - before;
    }

    expect([...faults].slice(0, 10)).toEqual([]);
    expect((counts.get(400) ?? 0) / BODIES).toBeGreaterThan(0.3);
    expect(grown).toBeLessThan(GROWTH_BYTES);
    expect((await get(`${server.url}/health/ready`)).status).toBe(200);
    if (process.env.FUZZ_BODIES)
      process.stderr.write(
        `${format.name}: ${JSON.stringify(Object.fromEntries(counts))}, 500 more left ${(grown / 2 ** 20).toFixed(1)} MiB to ${(server.residentBytes / 2 ** 20).toFixed(0)}\n`,
      );
  },
  180_000,
);
