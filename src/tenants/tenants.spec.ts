// Which names become labels of metrics: those that an operator wrote down, so many of them, and never those of requests.
import { describe, expect, it } from '@jest/globals';
import { OTHER, Tenants } from './tenants.js';

const labels = (tenants: Tenants, ...names: string[]): string[] => names.map((name) => tenants.of(name).label);

describe('a label', () => {
  it('is the name of a tenant that a key names, whether it has asked before or not, and of no other', () => {
    const tenants = new Tenants('', undefined);
    expect(labels(tenants, 'search', 'made up', '')).toEqual([OTHER, OTHER, OTHER]);
    tenants.label(['search', 'labs', 'search']);
    expect(labels(tenants, 'search', 'labs', 'made up', '')).toEqual(['search', 'labs', OTHER, OTHER]);
  });

  it('is had by the first hundred, however often the keys change, and stays', () => {
    const tenants = new Tenants('', undefined);
    const names = Array.from({ length: 150 }, (_, index) => `team-${index}`);
    tenants.label(names.slice(0, 60));
    tenants.label(names.slice(60));
    expect(labels(tenants, ...names)).toEqual(names.map((name, index) => (index < 100 ? name : OTHER)));
    tenants.label(['late']);
    expect(labels(tenants, 'late', 'team-0')).toEqual([OTHER, 'team-0']);
  });
});
