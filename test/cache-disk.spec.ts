// The disk tier outlives the process and is shared on a machine; a broken file or a full disk never fails a request.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, openSync, closeSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ask, askMany } from './setup/asking.js';
import { send } from './setup/client.js';
import { metric } from './setup/metrics.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

/** A machine that is busy may keep the disk from its answer for a while. */
const PATIENCE_MS = '200';

const repository = await copied({ digits: shipped('digits') });
afterAll(removeRepositories);

let folder: string;
let running: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestor-disk-'));
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

async function serve(bytes = 50_000_000, directory = folder): Promise<Server> {
  const cache = { CACHE_DISK_BYTES: String(bytes), CACHE_DIR: directory, CACHE_TIMEOUT_MS: PATIENCE_MS };
  const server = await Server.start({ MODEL_REPOSITORY: repository, ...cache });
  running.push(server);
  return server;
}

const file = (): string => join(folder, 'cache.sqlite');
const written = (server: Server): Promise<number> =>
  metric(server, 'nestor_cache_duration_seconds_count', { tier: 'disk', operation: 'write' });

/** Asks, and waits until the answers are on the disk. */
async function remember(server: Server, from: number, count: number): Promise<string[]> {
  const before = await written(server);
  const answers = await askMany(server, from, count);
  await until('the answers to be written', async () => ((await written(server)) >= before + count ? true : undefined));
  return answers.map(({ text }) => text);
}

async function health(server: Server): Promise<string | undefined> {
  const { status, body } = await send(`${server.url}/health`);
  expect(status).toBe(200);
  return (body as { details: { cache: { disk?: string } } }).details.cache.disk;
}

let next = 1_000_000;
const fresh = (count: number): number => (next += count) - count;

function askUntil(server: Server, state: 'up' | 'down'): Promise<true> {
  return until(`the disk to be ${state}`, async () => {
    await askMany(server, fresh(4), 4);
    return (await health(server)) === state ? true : undefined;
  });
}

it('remembers over a restart, and for other processes', async () => {
  const first = await serve();
  const texts = await remember(first, 0, 10);
  const beside = await serve();
  expect(await ask(beside, 3)).toEqual({ cache: 'hit; tier=disk', text: texts[3] });
  expect((await ask(beside, 3)).cache).toBe('hit; tier=memory');
  await first.stop();
  const again = await serve();
  expect(await ask(again, 7)).toEqual({ cache: 'hit; tier=disk', text: texts[7] });
});

it('keeps its bound', async () => {
  const bound = 60_000;
  const server = await serve(bound);
  await remember(server, 0, 400);
  expect(await metric(server, 'nestor_cache_size_bytes', { tier: 'disk' })).toBeLessThanOrEqual(bound);
  // What was freed is used again: the file does not grow with what went through it.
  await remember(server, 400, 400);
  expect(statSync(file()).size).toBeLessThan(10 * bound);
  const reader = await serve(bound);
  expect((await ask(reader, 799)).cache).toBe('hit; tier=disk');
  expect((await ask(reader, 0)).cache).toBe('miss');
});

describe('a broken file', () => {
  it('is begun anew at boot', async () => {
    writeFileSync(file(), randomBytes(100_000));
    const server = await serve();
    await askUntil(server, 'up');
    await remember(server, 0, 5);
    expect((await ask(await serve(), 0)).cache).toBe('hit; tier=disk');
  });

  it.each(['truncated', 'overwritten'])('is begun anew while it is used: %s', async (how) => {
    const server = await serve();
    await remember(server, 0, 100);
    // Out of the write-ahead log into the file.
    await server.stop();
    const victim = await serve();
    await askMany(victim, 0, 3);
    if (how === 'truncated') truncateSync(file(), 5000);
    else {
      const descriptor = openSync(file(), 'r+');
      for (let at = 4096; at < statSync(file()).size; at += 4096) writeSync(descriptor, randomBytes(4096), 0, 4096, at);
      closeSync(descriptor);
    }
    await askMany(victim, 0, 100);
    await askUntil(victim, 'up');
    await until('it to remember again', async () => {
      const number = fresh(1);
      await remember(victim, number, 1);
      const reader = await serve();
      const { cache } = await ask(reader, number);
      await reader.stop();
      return cache === 'hit; tier=disk' ? true : undefined;
    });
  });
});

it('a folder that cannot be written to makes misses', async () => {
  const path = join(folder, 'a-file');
  writeFileSync(path, '');
  const server = await serve(1_000_000, join(path, 'cache'));
  await askUntil(server, 'down');
  rmSync(path);
  mkdirSync(path);
  await askUntil(server, 'up');
  expect(existsSync(join(path, 'cache', 'cache.sqlite'))).toBe(true);
});

/** A file system of half a megabyte; undefined, said loudly, where it cannot be had. */
function smallDisk(path: string): string | undefined {
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path], { stdio: 'pipe' });
    return path;
  } catch (thrown) {
    process.stderr.write(
      `\nSKIPPED: a full disk needs the right to mount a tmpfs: ${thrown instanceof Error ? thrown.message.slice(0, 200) : ''}\n\n`,
    );
    return undefined;
  }
}

it('a full disk makes misses, and is used again when there is room', async () => {
  const disk = smallDisk(join(folder, 'small'));
  if (!disk) return;
  try {
    const ballast = join(disk, 'ballast');
    const server = await serve(100_000_000, disk);
    await remember(server, fresh(5), 5);
    try {
      writeFileSync(ballast, randomBytes(600_000));
    } catch {
      // Until it was full.
    }
    await askUntil(server, 'down');
    rmSync(ballast);
    await askUntil(server, 'up');
    await server.stop();
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});
