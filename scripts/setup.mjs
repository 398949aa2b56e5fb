// Makes the clone ready to run: installs what the lockfile asks and builds what changed, each only when needed.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

/** A digest of the files' paths and bytes: times change on every checkout, contents do not. */
function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesIn)) hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}

function filesIn(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => filesIn(join(path, name))); // prettier-ignore
}

function npm(...args) {
  // CUDA libraries come from outside npm and are the GPU image's business; npm from 11.19 on reads allowScripts, older ones this.
  const env = { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env };
  // The npm that runs this script, on any system; what it prints is shown only when it fails.
  const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  try {
    execFileSync(command[0], [...command.slice(1), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}\nnpm ${args.join(' ')} failed.\n`);
    process.exit(1);
  }
}

/** npm leaves a lockfile of its own in node_modules: as long as it is younger than ours, what we ask is there. */
function installed() {
  const theirs = 'node_modules/.package-lock.json';
  return existsSync('node_modules/.bin/node') && existsSync(theirs) && statSync(theirs).mtimeMs >= statSync('package-lock.json').mtimeMs;
}

if (!installed()) {
  console.log('Installing packages (about a minute, once) ...');
  // What builds is a development dependency, which npm leaves out where NODE_ENV=production.
  npm('ci', '--include=dev', '--no-audit', '--no-fund');
}

/** Node is linked against a library of GCC that slim images lack. */
function lacksLibatomic() {
  return process.platform === 'linux' && /libatomic/.test(spawnSync('node_modules/.bin/node', ['--version'], { encoding: 'utf8' }).stderr);
}

if (lacksLibatomic()) {
  const install = ['install', '-y', '-qq', '--no-install-recommends', 'libatomic1'];
  if (process.getuid() === 0 && spawnSync('apt-get', ['update', '-qq']).status === 0) spawnSync('apt-get', install);
  if (lacksLibatomic()) {
    process.stderr.write('Node needs libatomic.so.1, which is not here: apt-get install libatomic1, or dnf install libatomic.\n');
    process.exit(1);
  }
}

const stamp = 'dist/.built';
const sources = digest(['src', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json']);
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== sources) {
  console.log('Building ...');
  npm('run', 'build');
  writeFileSync(stamp, sources);
}
