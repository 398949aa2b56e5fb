// The registry: a model by name and version, the newest that is alive where no version is asked for.
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceGroup } from '../runtime/instance-group.js';
import type { Model } from './model.js';
import { ModelRegistry } from './model-registry.js';

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
    registry.add(model('a', '2'));
    registry.add(model('a', '10', newest));
    registry.add(model('a', '1'));
    registry.add(model('b', '7'));
  });

  it('resolves a name to its newest version', () => {
    expect(registry.resolve('a').version).toBe('10');
  });

  it('passes over a version that has no worker alive, unless none has', () => {
    newest.alive.ready = 0;
    expect(registry.resolve('a').version).toBe('2');
    const alone = new ModelRegistry();
    alone.add(model('a', '1', { alive: { ready: 0, wanted: 1 } }));
    expect(alone.resolve('a').version).toBe('1');
  });

  it('resolves a version, alive or not', () => {
    newest.alive.ready = 0;
    expect(registry.resolve('a', '10').version).toBe('10');
    expect(registry.resolve('a', '1').version).toBe('1');
  });

  it('lists versions by number, and all models', () => {
    expect(registry.versions('a').map(({ version }) => version)).toEqual(['1', '2', '10']);
    expect(registry.versions('none')).toEqual([]);
    expect(registry.all).toHaveLength(4);
  });

  it.each(['none', '__proto__', 'constructor', ''])('has no model %j', (name) => {
    expect(() => registry.resolve(name)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND', field: 'model' }));
  });

  it.each(['3', '01', 'latest', ''])('has no version %j', (version) => {
    expect(() => registry.resolve('a', version)).toThrow(
      expect.objectContaining({ code: 'VERSION_NOT_FOUND', field: 'version', message: expect.stringContaining('1, 2, 10') }),
    );
  });
});
