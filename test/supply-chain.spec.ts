// What the server is made of: a bill of materials that names it all, and an audit that fails for what is dangerous and for nothing else.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from './setup/paths.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestor-supply-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the bill of materials', () => {
  interface Component {
    readonly type: string;
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly 'bom-ref': string;
  }
  interface Bom {
    readonly bomFormat: string;
    readonly specVersion: string;
    readonly version: number;
    readonly serialNumber: string;
    readonly metadata: { readonly component: Component };
    readonly components: readonly Component[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  }

  it('is CycloneDX, and names what production needs, and no tool', () => {
    const target = join(folder, 'sbom.cdx.json');
    execFileSync(process.execPath, ['scripts/sbom.mjs', target], { cwd: ROOT, stdio: 'ignore' });
    const bom = JSON.parse(readFileSync(target, 'utf8')) as Bom;
    // https://cyclonedx.org/docs/1.5/json/: what the schema requires.
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', version: 1, metadata: { component: { type: 'application', name: 'nestor' } } });
    expect(bom.specVersion).toMatch(/^1\.\d$/);
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    for (const component of bom.components)
      expect(component).toMatchObject({ type: expect.any(String), name: expect.any(String), version: expect.any(String) });
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['onnxruntime-node', 'fastify', '@nestjs/core', '@grpc/grpc-js']));
    expect(names).not.toEqual(expect.arrayContaining(['jest']));
    expect(names).not.toEqual(expect.arrayContaining(['typescript-eslint']));
    const known = new Set([bom.metadata.component['bom-ref'], ...bom.components.map((component) => component['bom-ref'])]);
    expect(bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !known.has(ref))).toEqual([]);
  });
});

describe('the audit', () => {
  const ID = 'GHSA-aaaa-bbbb-cccc';
  const day = (ahead: number): string => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const finding = (severity: string): object => {
    const via = [{ name: 'left', title: 'Bends to the left', url: `https://github.com/advisories/${ID}`, severity }];
    // A package that only depends on it stands there too, with its name.
    return { vulnerabilities: { left: { name: 'left', severity, via }, above: { name: 'above', severity, via: ['left'] } } };
  };

  /** Runs it with an npm that says this. */
  function audit(said: unknown, exceptions: unknown = []): { code: number | null; text: string } {
    const npm = join(folder, 'npm.mjs');
    writeFileSync(npm, `process.stdout.write(${JSON.stringify(JSON.stringify(said))}); process.exitCode = 1;`);
    const file = join(folder, 'exceptions.json');
    writeFileSync(file, JSON.stringify(exceptions));
    const run = spawnSync(process.execPath, ['scripts/audit.mjs', file], { cwd: ROOT, env: { npm_execpath: npm }, encoding: 'utf8' });
    return { code: run.status, text: run.stdout + run.stderr };
  }

  it.each(['high', 'critical'])('fails for what is %s, and names it once', (severity) => {
    const { code, text } = audit(finding(severity));
    expect([code, text]).toEqual([1, `left: Bends to the left (${severity}, ${ID})\n`]);
  });

  it.each(['low', 'moderate'])('passes what is %s', (severity) => {
    expect(audit(finding(severity)).code).toBe(0);
  });

  it('passes what is excepted, with a reason and for a time', () => {
    expect(audit(finding('high'), [{ advisory: ID, reason: 'not reached', expires: day(30) }]).code).toBe(0);
  });

  it.each([
    ['that has expired', { advisory: ID, reason: 'not reached', expires: day(-2) }],
    ['without a reason', { advisory: ID, expires: day(30) }],
    ['for years', { advisory: ID, reason: 'not reached', expires: day(800) }],
    ['of nothing', { advisory: '*', reason: 'all', expires: day(30) }],
  ])('fails for an exception %s, found or not', (_, exception) => {
    expect(audit({ vulnerabilities: {} }, [exception]).code).toBe(1);
  });

  it('is skipped loudly where the registry has none', () => {
    const { code, text } = audit({ message: '405 Method Not Allowed' });
    expect([code, text]).toEqual([0, expect.stringMatching(/SKIPPED: the dependencies are not audited: 405/)]);
  });

  it('has only exceptions that hold', () => {
    expect(audit({ vulnerabilities: {} }, JSON.parse(readFileSync(join(ROOT, 'scripts/audit-exceptions.json'), 'utf8'))).code).toBe(0);
  });
});
