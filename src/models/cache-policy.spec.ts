// Where the values of a model may be kept, as model.yaml and the warm-up say.
import { expect, it } from '@jest/globals';
import { cachePolicy } from './cache-policy.js';
import { Manifest } from './manifest.js';

const manifest = (content: object): Manifest => Object.assign(new Manifest(), content);
const tiersOf = (content: object, repeatable?: boolean): string[] => [...cachePolicy(manifest(content), 'digest', repeatable).outputs];

it('is every tier that there is, unless the model says otherwise', () => {
  expect(tiersOf({})).toEqual(['memory', 'disk', 'redis']);
  expect(tiersOf({ cache: { disk: false } })).toEqual(['memory', 'redis']);
  expect(tiersOf({ cache: { memory: false, disk: false, redis: false } })).toEqual([]);
});

it('is none for answers by chance, or by company', () => {
  expect(tiersOf({ deterministic: false })).toEqual([]);
  expect(tiersOf({}, false)).toEqual([]);
  expect(tiersOf({ deterministic: true }, false)).toEqual(['memory', 'disk', 'redis']);
});

it('has the bounds of the model', () => {
  const policy = cachePolicy(manifest({ cache: { memoryBytes: 5, ttl: 1.5, features: true } }), 'digest');
  expect(policy).toMatchObject({ scope: 'digest', shares: { memory: 5 }, ttlMs: 1500 });
  expect([...policy.features]).toEqual(['memory']);
});
