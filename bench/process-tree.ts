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

/** Proportional set size: a page shared by n processes counts 1/n in each. */
export function treeMemoryMiB(root: number): number {
  const kib = processTree(root).map((pid) => Number(/^Pss:\s+(\d+)/m.exec(readProc(pid, 'smaps_rollup'))?.[1] ?? 0));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
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

export function signalAll(pids: readonly number[], signal: 'SIGTERM' | 'SIGKILL'): void {
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
