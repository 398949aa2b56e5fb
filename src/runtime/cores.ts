// How many cores the process may really use: affinity, and the CPU quota of its container.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * The cores that threads may be started for, at least one. A quota of 2.5 cores counts as 2: a thread more than that is throttled, and
 * all wait for it.
 *
 * Node's own count misses quotas where the `cpu` controller of cgroup v1 is mounted alone (libuv 1.52 said 2 under a quota of 1).
 * @param root of the file system; a spec has its own.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
 */
export function availableCores(root = '/'): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota(root))));
}

/** The smallest quota of the process's group and those above it, in cores. */
function quota(root: string): number {
  const lines = read(join(root, 'proc/self/cgroup')).split('\n');
  const quotas = lines.flatMap((line) => {
    const [id, controllers = '', path = '/'] = line.split(':');
    const mounts = join(root, 'sys/fs/cgroup');
    if (id === '0' && controllers === '') return ancestors(path).map((group) => quotaOf(read(join(mounts, group, 'cpu.max'))));
    if (!controllers.split(',').includes('cpu')) return [];
    return ancestors(path).map((group) => {
      const file = (name: string): string => read(join(mounts, controllers, group, name)).trim();
      return quotaOf(`${file('cpu.cfs_quota_us')} ${file('cpu.cfs_period_us')}`);
    });
  });
  return Math.min(Infinity, ...quotas);
}

/** From the group itself to the root: inside a container the path may be the host's, and its own group is mounted as the root. */
function ancestors(path: string): string[] {
  const names = path.split('/').filter(Boolean);
  return [...names.map((_, index) => names.slice(0, names.length - index).join('/')), ''];
}

/** `<quota> <period>` in microseconds; `max` or -1 for none. */
function quotaOf(text: string): number {
  const [limit, period] = text.trim().split(/\s+/).map(Number);
  return limit && period && limit > 0 && period > 0 ? limit / period : Infinity;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, no such controller, or not ours to read: no quota that could be kept.
    return '';
  }
}
