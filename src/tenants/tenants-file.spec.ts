// TENANTS_FILE: what it may say, and that a wrong one names its key.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTenants } from './tenants-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestor-tenants-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string) {
  const path = join(folder, 'tenants.yaml');
  await writeFile(path, text);
  return readTenants(path);
}

describe('TENANTS_FILE', () => {
  it('gives weights and limits by name; what a tenant leaves out is as for the others', async () => {
    const { others, named } = await read(`
default: { weight: 2, limits: { requests: 10/second, tokens: 1000/minute } }
tenants:
  search: { weight: 3, limits: { requests: [100/second, 1000000/day], tokens: unlimited } }
  labs: {}
`);
    const shown = (settings = others): unknown[] => [
      settings.weight,
      ...settings.limits.map(({ policy, count, seconds }) => `${policy} ${count} ${seconds}`),
    ];
    expect(shown()).toEqual([2, 'requests-per-second 10 1', 'tokens-per-minute 1000 60']);
    expect(shown(named.get('labs'))).toEqual(shown());
    expect(shown(named.get('search'))).toEqual([3, 'requests-per-second 100 1', 'requests-per-day 1000000 86400']);
  });

  it('may be empty', async () => {
    expect(await read('')).toEqual({ others: { weight: 1, limits: [] }, named: new Map() });
  });

  it.each([
    ['tenants: { a: { weight: 0 } }', 'tenants.a.weight'],
    ['tenants: { a: { wieght: 1 } }', 'tenants.a.wieght'],
    ['default: { limits: { tokens: 5 } }', 'default.limits.tokens'],
    ['default: { limits: { items: 0/minute } }', 'default.limits.items'],
    ['default: { limits: { requests: 5/week } }', 'default.limits.requests'],
    ['default: { limits: { requests: [] } }', 'default.limits.requests'],
    ['default: { limits: { requests: [5/day, 9/day] } }', 'default.limits.requests'],
    ['default: { limits: { images: 5/day } }', 'default.limits.images'],
    ['- a', 'must hold keys and values'],
    ['a: [', 'is not YAML'],
  ])('says of %s what is wrong', async (text, fault) => {
    await expect(read(text)).rejects.toThrow(fault);
    await expect(read(text)).rejects.toThrow('tenants.yaml');
  });
});
