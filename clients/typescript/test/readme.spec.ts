// The package as it is installed: its size, and every example of its README, compiled and run.
import { copyFile, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FIXTURES } from '../../../test/setup/paths.js';
import { Server } from '../../../test/setup/server.js';
import { Project, SOURCE } from './package.js';

const [prelude = '', ...examples] = [...readFileSync(join(SOURCE, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, code = '']) => code,
);
const named = examples.map((code, index) => [`example-${index + 1}.ts`, code] as const);
const LARGEST_BYTES = 20_000;

let server: Server;
let project: Project;
beforeAll(async () => {
  [server, project] = await Promise.all([Server.start(), Project.create()]);
  await copyFile(join(FIXTURES, 'text-line-180.png'), project.path('line.png'));
  await writeFile(project.path('package.json'), '{"type": "module"}');
  for (const [file, code] of named) {
    await writeFile(project.path(file), `${prelude.replace('http://localhost:8000', server.url)}\n${code}`);
  }
});
afterAll(async () => {
  await server.stop();
  await project.remove();
});

it('is small: all its JavaScript, as it is written, is under 20 kB', async () => {
  const dist = project.path('node_modules/@nestor/client/dist');
  const files = (await readdir(dist)).filter((file) => file.endsWith('.js'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(dist, file))).size));
  expect(sizes.length).toBeGreaterThan(5);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LARGEST_BYTES);
});

it('needs nothing of Node: browsers have what it imports', async () => {
  const dist = project.path('node_modules/@nestor/client/dist');
  const files = (await readdir(dist)).filter((file) => file.endsWith('.js'));
  const codes = await Promise.all(files.map((file) => readFile(join(dist, file), 'utf8')));
  const imported = codes.flatMap((code) => [...code.matchAll(/from '([^']+)'/g)].map(([, specifier = '']) => specifier));
  expect(new Set(imported.filter((specifier) => !specifier.startsWith('./')))).toEqual(new Set(['@msgpack/msgpack']));
});

it('has types that a strict project of another library version compiles against', async () => {
  const options = ['--strict', '--noEmit', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  await project.tsc(...options, ...named.map(([file]) => file));
});

it.each(named)('%s of the README runs and prints what it says', async (file, code) => {
  const expected = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line = '']) => line);
  expect(expected.length).toBeGreaterThan(0);
  expect((await project.node(file)).trim().split('\n')).toEqual(expected);
});
