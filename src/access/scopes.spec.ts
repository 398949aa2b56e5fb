// Which models a scope covers.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Grants, isScope } from './scopes.js';

describe('grants', () => {
  it('cover nothing that they do not name', () => {
    const grants = new Grants(['predict']);
    expect([grants.has('embed'), grants.coversAll('admin'), grants.covers('models:read', 'digits')]).toEqual([false, false, false]);
    expect(new Grants([]).covers('predict', 'digits')).toBe(false);
  });

  it.each<[string, string, boolean]>([
    ['predict', 'anything', true],
    ['predict:digits', 'digits', true],
    ['predict:digits', 'digits2', false],
    ['predict:digits', 'Digits', false],
    ['predict:team-a-*', 'team-a-ranker', true],
    ['predict:team-a-*', 'team-b-ranker', false],
    ['predict:*-small', 'bert-small', true],
    ['predict:a*a', 'a', false],
    ['predict:a*a', 'aa', true],
    ['predict:*', 'anything', true],
    ['models:read:digits', 'digits', false],
  ])('%s covers predictions of %s: %s', (scope, model, covered) => {
    expect(new Grants([scope]).covers('predict', model)).toBe(covered);
  });

  it('add up, and an unlimited one wins in any order', () => {
    expect(new Grants(['predict:a', 'predict:b']).covers('predict', 'b')).toBe(true);
    for (const scopes of [['predict', 'predict:a'], ['predict:a', 'predict']]) expect(new Grants(scopes).coversAll('predict')).toBe(true); // prettier-ignore
  });

  it('for some models are not for all', () => {
    expect(new Grants(['admin:*']).coversAll('admin')).toBe(false);
    expect(new Grants(['models:read:team-a-*']).coversAll('models:read')).toBe(false);
    expect(new Grants(['models:read:team-a-*']).has('models:read')).toBe(true);
  });

  it.each(['', 'write', 'predict:', 'predict:a b', 'predict:a:b', 'predict:*a*', 'models', 'models:write', 'Predict', 'admin\n'])(
    'are not %j',
    (text) => {
      expect(isScope(text)).toBe(false);
      expect(() => new Grants([text])).toThrow(/is no scope/);
    },
  );

  it('match as the pattern read as a regular expression does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 6 });
    fc.assert(
      fc.property(letters, letters, letters, (start, end, name) => {
        expect(new Grants([`embed:${start}*${end}`]).covers('embed', name)).toBe(new RegExp(`^${start}.*${end}$`).test(name));
      }),
    );
  });
});
