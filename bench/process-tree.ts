// The processes of a server as Linux lists them: who they are, what memory they hold, how they end.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The process and all its descendants that are alive. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? parentOf(Number(entry)) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree.filter((pid) => parentOf(pid) !== undefined);
}

/** Undefined for one that is gone or waits to be reaped. */
function parentOf(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  // The name, in parentheses, may hold spaces and parentheses itself.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return parent === undefined || state === 'Z' ? undefined : Number(parent);
}

/** Empty when the process ended meanwhile. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * What the processes hold in RAM, each page once, as if they were alone on the machine: the proportional set size of what is theirs, and of
 * each part of a file, which others that run beside them may map too, the pages of the mapping that has the most.
 */
export function treeMemoryMiB(root: number): number {
  const files = new Map<string, number>();
  let kib = 0;
  for (const pid of processTree(root)) {
    const rollup = readProc(pid, 'smaps_rollup');
    for (const kind of ['Anon', 'Shmem']) kib += Number(new RegExp(`^Pss_${kind}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
    for (const { part, pages } of filePages(pid)) files.set(part, Math.max(files.get(part) ?? 0, pages));
  }
  return [...files.values()].reduce((sum, each) => sum + each, kib) / 1024;
}

/** The mappings of files, with what is in RAM in KiB, but for what was written to. */
function filePages(pid: number): { part: string; pages: number }[] {
  const mappings = readProc(pid, 'smaps').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings.flatMap((mapping) => {
    const [, offset, file] = /^\S+ \S+ (\S+) (\S+ [1-9]\d* +\/.*)$/m.exec(mapping) ?? [];
    if (offset === undefined || file === undefined || file.includes(' /dev/shm/')) return [];
    const size = (kind: string): number => Number(new RegExp(`^${kind}: +(\\d+) kB$`, 'm').exec(mapping)?.[1] ?? 0);
    return [{ part: `${offset} ${file}`, pages: size('Rss') - size('Anonymous') }];
  });
}

/** Clock ticks a second, which Linux shows to programs as 100 on every architecture that Node runs on. */
const TICKS = 100;

/** Seconds of CPU that the processes have used since they were started, in user and in kernel mode. */
export function treeCpuSeconds(root: number): number {
  const ticks = processTree(root).map((pid) => {
    const stat = readProc(pid, 'stat');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user ?? 0) + (system ?? 0);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS;
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
  }
}

/** Ends all of them: politely, then not. */
export async function endTree(root: number): Promise<void> {
  const pids = processTree(root);
  const alive = (): number[] => pids.filter((pid) => parentOf(pid) !== undefined);
  signalAll([root], 'SIGTERM');
  for (let waited = 0; waited < 5000 && alive().length > 0; waited += 50) await sleep(50);
  signalAll(alive(), 'SIGKILL');
  while (alive().length > 0) await sleep(20);
}
