// The registry: a model by name and version or label; the newest that is alive, or the split of the traffic, where none is asked for.
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceGroup } from '../runtime/instance-group.js';
import type { Model } from './model.js';
import { ModelRegistry } from './model-registry.js';
import { ServedModel } from './served-model.js';

interface Alive {
  alive: { ready: number; wanted: number };
}

function model(name: string, version: string, instances: Alive = { alive: { ready: 1, wanted: 1 } }): Model {
  const partial: Partial<Model> = { name, version, instances: instances as Partial<InstanceGroup> as InstanceGroup };
  return partial as Model;
}

describe('ModelRegistry', () => {
  let registry: ModelRegistry;
  const newest: Alive = { alive: { ready: 1, wanted: 1 } };
  beforeEach(() => {
    registry = new ModelRegistry();
    newest.alive.ready = 1;
    const routing = { policy: 'all' as const, labels: new Map([['stable', '2']]), traffic: new Map<string, number>() };
    registry.publish('a', new ServedModel([model('a', '1'), model('a', '2'), model('a', '10', newest)], routing));
    registry.publish('b', new ServedModel([model('b', '7')]));
  });

  it('resolves a name to its newest version', () => {
    expect([registry.resolve('a').version, registry.route('a').version]).toEqual(['10', '10']);
  });

  it('passes over a version that has no worker alive, unless none has', () => {
    newest.alive.ready = 0;
    expect([registry.resolve('a').version, registry.route('a').version]).toEqual(['2', '2']);
    registry.publish('alone', new ServedModel([model('alone', '1', { alive: { ready: 0, wanted: 1 } })]));
    expect(registry.route('alone').version).toBe('1');
  });

  it('resolves a version, alive or not, by number and by label', () => {
    newest.alive.ready = 0;
    expect(registry.resolve('a', '10').version).toBe('10');
    expect(registry.route('a', '1').version).toBe('1');
    expect(registry.route('a', 'stable').version).toBe('2');
  });

  it('lists versions by number, and all models', () => {
    expect(registry.versions('a').map(({ version }) => version)).toEqual(['1', '2', '10']);
    expect(registry.versions('none')).toEqual([]);
    expect(registry.all).toHaveLength(4);
  });

  it('knows a name no more once no version of it serves', () => {
    registry.publish('b', new ServedModel([]));
    expect(registry.names).toEqual(['a']);
    expect(() => registry.route('b')).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });

  it.each(['none', '__proto__', 'constructor', ''])('has no model %j', (name) => {
    expect(() => registry.resolve(name)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND', field: 'model' }));
  });

  it.each(['3', '01', 'latest', ''])('has no version %j', (version) => {
    expect(() => registry.resolve('a', version)).toThrow(
      expect.objectContaining({ code: 'VERSION_NOT_FOUND', field: 'version', message: expect.stringContaining('1, 2, 10, stable') }),
    );
  });
});

describe('the split of the traffic', () => {
  const PICKS = 20_000;
  /** How many of so many requests, spread evenly over all chances, each version gets. */
  function picks(served: ServedModel): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let pick = 0; pick < PICKS; pick++) {
      const version = served.pick(Math.random())?.version ?? '';
      counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }
  const labels = new Map([
    ['stable', '1'],
    ['canary', '2'],
  ]);
  const traffic = new Map([
    ['stable', 90],
    ['canary', 10],
  ]);

  it('gives a canary of 10 % between 9 and 11 % of 20,000 requests', () => {
    const { 1: stable = 0, 2: canary = 0 } = picks(new ServedModel([model('a', '1'), model('a', '2')], { policy: 'all', labels, traffic }));
    expect(stable + canary).toBe(PICKS);
    expect(canary / PICKS).toBeGreaterThan(0.09);
    expect(canary / PICKS).toBeLessThan(0.11);
  });

  it('gives all to the others where a version has no worker alive, and to the newest where none of them has', () => {
    const dead = { alive: { ready: 0, wanted: 1 } };
    expect(picks(new ServedModel([model('a', '1'), model('a', '2', dead)], { policy: 'all', labels, traffic }))).toEqual({ 1: PICKS });
    expect(
      picks(new ServedModel([model('a', '1', dead), model('a', '2', dead), model('a', '3')], { policy: 'all', labels, traffic })),
    ).toEqual({ 3: PICKS });
  });

  it('gives a version nothing that has no share, or a share of nothing', () => {
    const shares = new Map([
      ['1', 1],
      ['2', 0],
    ]);
    const served = new ServedModel([model('a', '1'), model('a', '2'), model('a', '3')], {
      policy: 'all',
      labels: new Map(),
      traffic: shares,
    });
    expect(picks(served)).toEqual({ 1: PICKS });
  });

  it('is certain where one alone gets requests, whichever is the newest', () => {
    const registry = new ModelRegistry();
    const found = (versions: Model[], shares: [string, number][]): string | undefined => {
      registry.publish('a', new ServedModel(versions, { policy: 'all', labels, traffic: new Map(shares) }));
      return registry.find('a')?.version;
    };
    const dead = { alive: { ready: 0, wanted: 1 } };
    const both = [model('a', '1'), model('a', '2')];
    expect(found(both, [...traffic])).toBeUndefined();
    expect(found(both, [['stable', 90], ['canary', 0]])).toBe('1'); // prettier-ignore
    expect(found(both, [['1', 100]])).toBe('1');
    expect(found([model('a', '1'), model('a', '2', dead)], [...traffic])).toBe('1');
    expect(found(both, [])).toBe('2');
    expect(registry.find('none')).toBeUndefined();
  });
});
