// The package as it is installed: its size, and every example of its README, compiled and run.
import { readFileSync } from 'node:fs';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { minify } from '@swc/core';
import { FIXTURES } from '../../../test/setup/paths.js';
import { Server } from '../../../test/setup/server.js';
import { Project, SOURCE } from './package.js';

const [prelude = '', ...examples] = [...readFileSync(join(SOURCE, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, code = '']) => code,
);
const named = examples.map((code, index) => [`example-${index + 1}.ts`, code] as const);
const LARGEST_BYTES = 20_000;
const DIST = 'node_modules/@nestor/client/dist';
const MSGPACK = 'node_modules/@msgpack/msgpack/dist.esm';

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

/** The modules in a folder of the project. */
async function javascript(folder: string): Promise<string[]> {
  const files = (await readdir(project.path(folder))).filter((file) => /\.m?js$/.test(file));
  return Promise.all(files.map((file) => readFile(join(project.path(folder), file), 'utf8')));
}

it('is small: with its dependency, minified and compressed, under 20 kB', async () => {
  const codes = [...(await javascript(DIST)), ...(await javascript(MSGPACK))];
  const minified = await Promise.all(codes.map(async (code) => (await minify(code, { module: true, compress: true, mangle: true })).code));
  expect(minified.length).toBeGreaterThan(15);
  expect(gzipSync(minified.join('\n')).length).toBeLessThan(LARGEST_BYTES);
});

it('needs nothing of Node: browsers have what it imports', async () => {
  const imported = (await javascript(DIST)).flatMap((code) => [...code.matchAll(/from '([^']+)'/g)].map(([, specifier = '']) => specifier));
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
