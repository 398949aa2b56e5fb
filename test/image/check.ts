// The built image, run as a restricted pod runs it: `node test/image/check.ts ROOT CONFIG`, with the mounted image and its OCI config.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { post } from '../setup/client.ts';
import { MODELS, ROOT } from '../setup/paths.ts';
import { until } from '../setup/until.ts';

interface Config {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly StopSignal: NodeJS.Signals;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

const [, , root = '', config = ''] = process.argv;
const { User, WorkingDir, Env, Entrypoint, StopSignal, Labels, Healthcheck } = JSON.parse(config) as Config;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Mounts the image read-only, with the two writable folders of a pod, and becomes its user without any capability. */
function contained(command: readonly string[], port: number): [string, string[]] {
  const [uid = '', gid = ''] = User.split(':');
  const inside = `cd ${WorkingDir} && exec setpriv --reuid ${uid} --regid ${gid} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all env -i "$@"`;
  const outside = `set -e
    root=$1; shift
    mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"; mount -t tmpfs -o uid=${uid},gid=${gid} tmpfs "$root/var/cache/nestor"
    exec chroot "$root" sh -c '${inside}' sh "$@"`;
  const env = [...Env, `PORT=${port}`, 'ACCESS=open', 'DRAIN_SECONDS=1'];
  return ['unshare', ['--mount', '--propagation', 'private', 'bash', '-c', outside, 'bash', root, ...env, ...command]];
}

const healthcheck = Healthcheck.Test.slice(1);
const port = await freePort();
const run = (...command: readonly string[]): void => {
  execFileSync(...contained(command, port), { stdio: 'pipe' });
};

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean }> };
const dev = Object.keys(packages).filter((path) => packages[path]?.dev && existsSync(join(root, 'app', path)));
assert.deepEqual(dev, [], 'dev dependencies in the image');
assert.match(User, /^[1-9]\d*:[1-9]\d*$/, 'a numeric user, that runAsNonRoot can check');
assert.equal(StopSignal, 'SIGTERM');
assert.equal(Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
assert.notEqual(readdirSync(join(root, 'app/prepared')).length, 0, 'models prepared at the build');
assert.throws(() => {
  run('touch', '/app/written');
}, /Read-only file system/);

const server = spawn(...contained(Entrypoint, port), { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = once(server, 'exit');
try {
  await until(
    'HEALTHCHECK to pass',
    () => {
      assert.equal(server.exitCode, null, 'the server ended');
      try {
        run(...healthcheck);
        return true;
      } catch {
        return undefined;
      }
    },
    60_000,
  );
  const body = readFileSync(join(MODELS, 'digits/examples/predict.json'), 'utf8');
  const answer = await post(`http://127.0.0.1:${port}/v1/models/digits/predict`, body);
  assert.equal(answer.status, 200, answer.text);
  server.kill(StopSignal);
  assert.deepEqual(await ended, [0, null]);
} finally {
  server.kill('SIGKILL');
}
console.log('The image serves: not root, read-only, no dev dependency, healthy, and it leaves in order.');
