// One fresh server: started on a free port, awaited, and ended with everything it started.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from './load/http.ts';
import { ROOT, WORK } from './paths.ts';
import { endTree, processTree, signalAll, treeCpuSeconds, treeMemoryMiB } from './process-tree.ts';
import type { Server } from './servers.ts';

const READY_SECONDS = 120;
const FREE_SECONDS = 15;

export interface RunningServer {
  readonly server: Server;
  /** Without a slash at its end. */
  readonly url: string;
  readonly memoryMiB: () => number;
  /** Used since the start. */
  readonly cpuSeconds: () => number;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Has all its processes stand still, until it is awake. */
  readonly hold: () => void;
  /** Does this while it is awake; one that stood still does so again afterwards. */
  readonly awake: (work: () => Promise<void>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const running = new Set<number>();
// Whatever ends the bench, its servers end with it.
process.once('exit', () => {
  for (const pid of running) signalAll(processTree(pid), 'SIGKILL');
});

export async function startServer(server: Server, run: string, environment: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  const ports = { http: await freePort(), grpc: await freePort() };
  const [file, ...args] = server.command(ports);
  mkdirSync(join(WORK, 'logs'), { recursive: true });
  const log = join(WORK, 'logs', `${server.name}-${run}.log`);
  const output = openSync(log, 'w');
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { ...process.env, ...server.environment(ports), ...environment },
    stdio: ['ignore', output, output],
  });
  const pid = await spawned(child);
  running.add(pid);
  let held = false;
  const all = (signal: 'SIGSTOP' | 'SIGCONT'): void => {
    signalAll(processTree(pid), signal);
  };
  const stop = async (): Promise<void> => {
    if (held) all('SIGCONT');
    await endTree(pid);
    running.delete(pid);
    if (!(await becomesFree(ports.http))) throw new Error(`${server.name} ended, but something still holds its port`);
  };
  const url = `http://127.0.0.1:${ports.http}`;
  if (!(await becomesReady(child, url + server.ready))) {
    await stop();
    throw new Error(`${server.name} did not become ready:\n${readFileSync(log, 'utf8').slice(-2000)}`);
  }
  return {
    server,
    url,
    memoryMiB: () => treeMemoryMiB(pid),
    cpuSeconds: () => treeCpuSeconds(pid),
    signal: (name) => process.kill(pid, name),
    hold: () => {
      held = true;
      all('SIGSTOP');
    },
    awake: async (work) => {
      if (held) all('SIGCONT');
      await work().finally(() => {
        if (held) all('SIGSTOP');
      });
    },
    stop,
  };
}

async function spawned(child: ChildProcess): Promise<number> {
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error('spawned without a pid; this is a bug');
  return pid;
}

async function becomesReady(child: ChildProcess, url: string): Promise<boolean> {
  const end = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < end && child.exitCode === null) {
    const answer = await get(url).catch(() => undefined);
    if (answer?.status === 200) return true;
    await sleep(100);
  }
  return false;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** LitServe's processes have been seen to hold it for a moment longer than they are listed. */
async function becomesFree(port: number): Promise<boolean> {
  const end = Date.now() + FREE_SECONDS * 1000;
  while (!(await isFree(port))) {
    if (Date.now() > end) return false;
    await sleep(100);
  }
  return true;
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  return once(probe, 'listening').then(
    () => {
      probe.close();
      return true;
    },
    () => false,
  );
}
