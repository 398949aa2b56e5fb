// Which versions are served: the newest by default, and whatever a label or the traffic names.
import { describe, expect, it } from '@jest/globals';
import { versionsToServe, type VersionRules } from './versions.js';

const THERE = ['9', '10', '2', '100000000000000000'];

describe('versionsToServe', () => {
  it.each<[string, VersionRules, string[]]>([
    ['the newest by number where nothing is said', {}, ['100000000000000000']],
    ['the newest few', { versions: { latest: 2 } }, ['10', '100000000000000000']],
    ['no more than there are', { versions: { latest: 9 } }, ['2', '9', '10', '100000000000000000']],
    ['all', { versions: 'all' }, ['2', '9', '10', '100000000000000000']],
    ['those listed, in their order', { versions: ['10', '2'] }, ['2', '10']],
    ['one that has a label, beside the newest', { versionLabels: new Map([['stable', '9']]) }, ['9', '100000000000000000']],
    ['one that has a share of the traffic', { versions: ['10'], traffic: new Map([['2', 5]]) }, ['2', '10']],
  ])('are %s', (_, rules, versions) => {
    expect(versionsToServe(THERE, rules)).toEqual(versions);
  });

  it.each<[VersionRules, RegExp]>([
    [{ versions: ['3'] }, /version 3; there is 2, 9, 10/],
    [{ versionLabels: new Map([['stable', '7']]) }, /version 7/],
    [{ traffic: new Map([['7', 1]]) }, /version 7/],
    [{ traffic: new Map([['canary', 1]]) }, /canary, which versionLabels does not have/],
  ])('says what %j asks for in vain', (rules, reason) => {
    expect(() => versionsToServe(THERE, rules)).toThrow(reason);
  });
});
