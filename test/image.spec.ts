// What the image is made of: the Dockerfile by its letter, and the production tree by running it (`npm run image` builds the whole).
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Environment } from '../src/config/environment.js';
import { dockerfile, type Stage } from './image/dockerfile.js';
import { post } from './setup/client.js';
import { leakIn } from './setup/leaks.js';
import { example } from './setup/fixtures.js';
import { MODELS, ROOT } from './setup/paths.js';

const { args, stages } = dockerfile();
const stage = (name: string): Stage => stages.find((candidate) => candidate.name === name) ?? stages[0] ?? missing(name);
const texts = ({ instructions }: Stage, ...names: readonly string[]): string[] =>
  instructions.filter(({ name }) => names.includes(name)).map(({ text }) => text);
const env = (target: Stage): string[] => texts(target, 'ENV').flatMap((text) => text.split(' ').map((pair) => pair.split('=')[0] ?? ''));
/** Variables of the image that Nestor's table does not know: Node's, and those of parts that may be switched off. */
const OTHERS = ['NODE_ENV', 'GRPC_PORT', 'CACHE_DIR'];
/** What glibc reads. */
const MALLOC = ['MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'];

function missing(name: string): never {
  throw new Error(`the Dockerfile has no stage ${name}`);
}

describe('the Dockerfile', () => {
  it('has the targets cpu, which is the default, and gpu, and pins what it builds on', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', 'production', 'production-gpu', 'cuda', 'gpu', 'production-cpu', 'cpu']);
    expect([args.get('NODE_IMAGE'), args.get('CUDA_IMAGE')]).toEqual([
      expect.stringMatching(/^node:26\.\d+\.\d+-[a-z]+-slim$/),
      expect.stringMatching(/^nvidia\/cuda:12\.\d+\.\d+-cudnn-runtime-ubuntu\d+\.04$/),
    ]);
    expect([stage('cpu').from, stage('cuda').from, stage('gpu').from]).toEqual([args.get('NODE_IMAGE'), args.get('CUDA_IMAGE'), 'cuda']);
  });

  it('builds on the Node that the tests run on', () => {
    expect(args.get('NODE_IMAGE')).toMatch(new RegExp(`^node:${process.versions.node.split('.')[0]}\\.`));
  });

  it('says the same of both images', () => {
    const said = (target: Stage): unknown => target.instructions.filter(({ name }) => name !== 'COPY');
    expect(said(stage('gpu'))).toEqual(said(stage('cpu')));
  });

  it.each(['cpu', 'gpu'])('runs %s as a user who is not root, whom Kubernetes can check, and stops and checks it', (name) => {
    const target = stage(name);
    expect(texts(target, 'USER')).toEqual(['10001:10001']);
    expect(texts(target, 'STOPSIGNAL', 'ENTRYPOINT')).toEqual(['SIGTERM', '["node", "dist/main.js"]']);
    expect(texts(target, 'HEALTHCHECK')).toEqual([expect.stringContaining('/health/ready')]);
    expect(texts(target, 'LABEL').join()).toMatch(/opencontainers\.image\.(title|licenses|version|revision)/);
    expect(
      target.instructions.filter(({ name: kind }) => ['COPY', 'ADD'].includes(kind)).some(({ text }) => text.includes('--chown')),
    ).toBe(false);
  });

  it('sets variables that Nestor reads', () => {
    const known = [...Object.keys(new Environment()), ...OTHERS];
    const read = (name: string): boolean => known.includes(name) || MALLOC.includes(name);
    expect(env(stage('cpu')).filter((name) => !read(name))).toEqual([]);
    expect(env(stage('cpu'))).toEqual(expect.arrayContaining(['HOST', 'PORT', 'MODEL_REPOSITORY']));
  });

  it('tells glibc what npm start tells it', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
    const told = texts(stage('cpu'), 'ENV').flatMap((text) => text.split(' ').filter((pair) => pair.startsWith('MALLOC_')));
    expect(told.map((pair) => pair.split('=')[0])).toEqual(MALLOC);
    for (const pair of told) expect(scripts.start).toContain(pair.replace(/(\w+)=(\d+)/, '$1=${$1:-$2}'));
  });

  it('installs without dev dependencies and without scripts, CUDA for GPUs alone', () => {
    expect(texts(stage('production'), 'RUN')[0]).toMatch(/^npm ci --omit=dev --ignore-scripts/);
    expect(texts(stage('production-gpu'), 'RUN')).toEqual([
      expect.stringContaining('ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js'),
    ]);
    expect(existsSync(join(ROOT, 'node_modules/onnxruntime-node/script/install.js'))).toBe(true);
    expect(existsSync(join(ROOT, 'node_modules/@nestjs/cli/bin/nest.js'))).toBe(true);
  });

  it('prepares the models of the CPU image where the server looks for them, and no volume hides them', () => {
    expect(texts(stage('production-cpu'), 'RUN')).toEqual(['CACHE_DIR=/app node dist/prepare-models.js']);
    expect(existsSync(join(ROOT, 'src/prepare-models.ts'))).toBe(true);
    expect(texts(stage('cpu'), 'COPY')).toEqual(['--from=production-cpu /app /app']);
    const variables = texts(stage('cpu'), 'ENV').flatMap((text) => text.split(' '));
    expect(variables).toEqual(expect.arrayContaining(['PREPARED_DIR=/app/prepared', 'CACHE_DIR=/var/cache/nestor']));
  });

  it('copies what there is, and what .dockerignore lets through', () => {
    const sources = stages
      .flatMap((each) => texts(each, 'COPY'))
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1));
    const passing = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/(?<=^!).*/gm);
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect([...new Set(sources)].sort()).toEqual(passing?.sort());
  });
});

describe('the compose file', () => {
  const yaml = (path: string): unknown => parse(readFileSync(join(ROOT, path), 'utf8'));
  const { services } = yaml('docker-compose.yaml') as { services: Record<string, { image: string; volumes?: string[] }> };

  it('mounts files that there are, and pins every image', () => {
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const files = mounts.filter((path) => path.startsWith('./'));
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    for (const { image } of Object.values(services)) expect(image).toMatch(/:v?\d+\.\d/);
  });

  it('scrapes under the name that the panels and rules know', () => {
    const { scrape_configs: jobs } = yaml('deploy/prometheus.yaml') as { scrape_configs: { job_name: string }[] };
    expect(jobs.map(({ job_name: name }) => name)).toEqual(['nestor']);
  });
});

describe('the production tree', () => {
  let app: string;
  beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), 'nestor-image-'));
  });
  afterAll(() => {
    rmSync(app, { recursive: true });
  });

  it('prepares its models, starts and serves with the packages that production needs, in an empty environment', async () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
    };
    const needed = Object.entries(packages).filter(
      ([path, { dev, devOptional }]) => path && !dev && !devOptional && existsSync(join(ROOT, path)),
    );
    // Copies, not links: Node looks for a package's dependencies where it really lies.
    const kept = (from: string): boolean => !/onnxruntime-node\/bin\/napi-v6\/(darwin|win32)/.test(from);
    for (const [path] of needed) {
      const top = join(ROOT, path);
      cpSync(top, join(app, path), { recursive: true, filter: (from) => kept(from) && !from.startsWith(join(top, 'node_modules')) });
    }
    for (const name of ['dist', 'package.json']) cpSync(join(ROOT, name), join(app, name), { recursive: true });
    symlinkSync(MODELS, join(app, 'models'));

    execFileSync(process.execPath, ['dist/prepare-models.js'], { cwd: app, env: { CACHE_DIR: app } });
    expect(readdirSync(join(app, 'prepared'))).not.toEqual([]);

    const server = spawn(process.execPath, ['dist/main.js'], {
      cwd: app,
      env: { PORT: '0', GRPC_PORT: '0', NODE_ENV: 'production', PREPARED_DIR: join(app, 'prepared') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(server, 'exit');
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      for (const stream of [server.stdout, server.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          output += `${line}\n`;
          const found = /Server listening at (http:\/\/[^"\s]+)/.exec(line)?.[1];
          if (found) resolve(found);
        });
      }
      server.on('exit', () => {
        reject(new Error(output));
      });
    });
    try {
      expect((await post(`${url}/v1/models/digits/predict`, example('digits'))).status).toBe(200);
      expect((await post(`${url}/v1/embeddings`, example('all-minilm-l6-v2', 'embeddings'))).status).toBe(200);
      expect((await post(`${url}/v1/models/text-orientation/predict`, example('text-orientation'))).status).toBe(200);
    } finally {
      server.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(leakIn(output)).toBeUndefined();
    // Where CACHE_DIR would be.
    expect(existsSync(join(app, 'var'))).toBe(false);
  });
});
