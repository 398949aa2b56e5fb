// The rules of the house: what imports what, what folders there are, what a file looks like.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { ROOT } from './setup/paths.js';

const SRC = join(ROOT, 'src');
/** The folders in the order of a request's path: imports point down this list. */
const PATH = [
  'http',
  'grpc',
  'access',
  'oip',
  'inference',
  'tenants',
  'models',
  'features',
  'cache',
  'batching',
  'runtime',
  'telemetry',
  'health',
];
/** Nobody imports them, and they do not know each other. */
const DOORS = ['http', 'grpc'];
/** Everybody may import these, and they import nothing but each other's files. */
const LEAVES = ['errors', 'tensor', 'cancellation', 'deadline', 'config', 'telemetry'];
/** They do not know each other: inference joins them. */
const STRANGERS = ['features', 'cache', 'batching'];
const LONGEST_FILE = 300;

interface Import {
  readonly from: string;
  readonly target: string;
  /** Gone once it is compiled. */
  readonly typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]));
const imports = files.flatMap(importsOf);
const shipped = imports.filter(({ from }) => !from.endsWith('.spec.ts'));

function resolved(file: string, specifier: string): string {
  return specifier.startsWith('.') ? `src/${relative(SRC, join(SRC, dirname(file), specifier))}` : specifier;
}

/** Imports and exports from elsewhere; those of other files of the house as paths under src/. */
function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, texts.get(file) ?? '', ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const typeOnly = ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : node.isTypeOnly;
      found.push({ from: file, target: resolved(file, node.moduleSpecifier.text), typeOnly });
    }
    if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments[0] &&
      ts.isStringLiteral(node.arguments[0])
    ) {
      found.push({ from: file, target: resolved(file, node.arguments[0].text), typeOnly: false });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The folder of a file of the house, or its name at the top; undefined for packages. */
const folderOf = (path: string): string | undefined => /^(?:src\/)?([^/]+?)(?:\.[jt]s)?(?:\/|$)/.exec(path)?.[1];
const inHouse = shipped.filter(({ target }) => target.startsWith('src/'));
const crossing = inHouse
  .map(({ from, target }) => ({ from, target, out: folderOf(from) ?? '', into: folderOf(target) ?? '' }))
  .filter(({ out, into }) => out !== into);
const shown = (some: readonly { from: string; target: string }[]): string[] =>
  some.map(({ from, target }) => `src/${from} imports ${target}`);

describe('imports', () => {
  it('are understood by this test', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(crossing.length).toBeGreaterThan(50);
    expect(new Set(crossing.map(({ into }) => into))).toEqual(expect.objectContaining(new Set(['models', 'runtime'])));
  });

  it('point down the path of a request, or at a leaf', () => {
    const walkers = crossing.filter(
      ({ out, into }) => !['main', 'app', 'keys', 'prepare-models'].includes(out.split('.')[0] ?? '') && !LEAVES.includes(into),
    );
    expect(shown(walkers.filter(({ out, into }) => PATH.indexOf(into) <= PATH.indexOf(out)))).toEqual([]);
  });

  it('of leaves stay within leaves', () => {
    expect(shown(crossing.filter(({ out, into }) => LEAVES.includes(out) && !LEAVES.includes(into)))).toEqual([]);
    expect(shown(crossing.filter(({ out }) => ['errors', 'tensor', 'cancellation', 'deadline'].includes(out)))).toEqual([]);
  });

  it('of health are leaves only', () => {
    expect(shown(crossing.filter(({ out, into }) => out === 'health' && !LEAVES.includes(into)))).toEqual([]);
  });

  it('of access are leaves only', () => {
    expect(shown(crossing.filter(({ out, into }) => out === 'access' && !LEAVES.includes(into)))).toEqual([]);
  });

  it('of the doors come from the boot alone', () => {
    expect(shown(crossing.filter(({ from, into }) => DOORS.includes(into) && !['main.ts', 'app.module.ts'].includes(from)))).toEqual([]);
  });

  it('do not join features, cache and batching', () => {
    expect(shown(crossing.filter(({ out, into }) => STRANGERS.includes(out) && STRANGERS.includes(into)))).toEqual([]);
  });

  it('of the worker are ONNX Runtime, Node and types of the messages', () => {
    const strange = shipped.filter(
      ({ from, target, typeOnly }) =>
        from === 'runtime/worker.ts' &&
        target !== 'onnxruntime-node' &&
        !target.startsWith('node:') &&
        !(target === 'src/runtime/messages.js' && typeOnly),
    );
    expect(shown(strange)).toEqual([]);
    expect(imports.some(({ from }) => from === 'runtime/worker.ts')).toBe(true);
  });

  it('of the messages vanish when they are compiled: both sides read that file', () => {
    expect(shown(shipped.filter(({ from, typeOnly }) => from === 'runtime/messages.ts' && !typeOnly))).toEqual([]);
  });
});

describe('files', () => {
  it('lie in the folders of the design', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    expect([...folders].filter((folder) => ![...PATH, 'config'].includes(folder ?? ''))).toEqual([]);
    expect(files.filter((file) => !file.includes('/')).sort()).toEqual([
      'app.module.ts',
      'cancellation.ts',
      'deadline.ts',
      'errors.ts',
      'keys.ts',
      'main.ts',
      'prepare-models.ts',
      'tensor.ts',
    ]);
  });

  it('have no drawer for odds and ends, and no barrels', () => {
    expect(files.filter((file) => /(^|\/)(common|utils?|shared|helpers|misc)(\/|\.ts)|(^|\/)index\.ts$/.test(file))).toEqual([]);
  });

  it('begin with a sentence that says what they are for', () => {
    const silent = files.filter((file) => !/^\/\/ \S.*[.?!:]$/.test(texts.get(file)?.split('\n', 1)[0] ?? ''));
    expect(silent).toEqual([]);
  });

  it(`are at most ${LONGEST_FILE} lines long, where people write them`, () => {
    expect(files.filter((file) => !file.endsWith('_pb.ts') && (texts.get(file)?.split('\n').length ?? 0) > LONGEST_FILE)).toEqual([]);
  });
});
