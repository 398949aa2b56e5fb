// Cores are counted as the container has them, in each way in which a quota can be written down.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { availableCores } from './cores.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nestor-cores-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function given(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const v1 = (folder: string, quota: number): Record<string, string> => ({
  [`sys/fs/cgroup/${folder}/cpu.cfs_quota_us`]: `${quota}\n`,
  [`sys/fs/cgroup/${folder}/cpu.cfs_period_us`]: '100000\n',
});

it.each<[string, Record<string, string>]>([
  ['of cgroup v2, at the root of a container', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '100000 100000\n' }],
  [
    'of cgroup v2, of a group above',
    {
      'proc/self/cgroup': '0::/pod/app\n',
      'sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/pod/cpu.max': '100000 100000\n',
    },
  ],
  ['of cgroup v1, controllers mounted together', { 'proc/self/cgroup': '4:cpu,cpuacct:/app\n', ...v1('cpu,cpuacct/app', 100_000) }],
  ['of cgroup v1, the controller mounted alone', { 'proc/self/cgroup': '1:cpu:/app\n0::/\n', ...v1('cpu/app', 100_000) }],
  ["of cgroup v1, the path being the host's", { 'proc/self/cgroup': '4:cpu,cpuacct:/kubepods/x\n', ...v1('cpu,cpuacct', 100_000) }],
  ['of less than a core', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' }],
  ['of a core and a half', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }],
])('counts one core under a quota %s', (_, files) => {
  given(files);
  expect(availableCores(root)).toBe(1);
});

it.each<[string, Record<string, string>]>([
  ['there is no cgroup', {}],
  ['there is no quota in cgroup v2', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }],
  ['there is no quota in cgroup v1', { 'proc/self/cgroup': '1:cpu:/\n', ...v1('cpu', -1) }],
  ['the quota is larger than the machine', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '99999999 100000\n' }],
])('counts those of the machine where %s', (_, files) => {
  given(files);
  expect(availableCores(root)).toBe(availableParallelism());
});

it('counts one core in a real group with a quota of one', () => {
  const group = `/sys/fs/cgroup/cpu/nestor-${process.pid}`;
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'cpu.cfs_quota_us'), '100000');
  } catch {
    process.stderr.write('SKIPPED: no group with a CPU quota can be made here (needs root and cgroup v1)\n');
    return;
  }
  try {
    const count = `import('${new URL('./cores.ts', import.meta.url).href}').then(({ availableCores }) => console.log(availableCores()))`;
    const script = 'echo $$ > "$1/cgroup.procs"; exec "$2" --input-type=module -e "$3"';
    expect(execFileSync('sh', ['-c', script, 'sh', group, process.execPath, count], { encoding: 'utf8' })).toBe('1\n');
  } finally {
    rmdirSync(group);
  }
});
