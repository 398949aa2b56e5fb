// The file of keys: what is read, and what is refused by name.
import { describe, expect, it } from '@jest/globals';
import { newKey } from './key.js';
import { keysOf, readKeyFile } from './key-file.js';

const { kept } = newKey('a');
const ENTRY = { id: 'a', tenant: 'search', scopes: ['predict'], hash: kept };
const file = (...keys: object[]): string => JSON.stringify({ keys });

describe('the file of keys', () => {
  it('is YAML or JSON, and may be empty', () => {
    const yaml = `keys:\n  - id: a\n    tenant: search\n    scopes: [predict]\n    hash: ${kept}\n    expires: 2027-01-31T00:00:00Z\n`;
    expect(readKeyFile(yaml)).toEqual([{ ...ENTRY, expires: '2027-01-31T00:00:00Z' }]);
    expect(readKeyFile(file(ENTRY))).toEqual([ENTRY]);
    expect(readKeyFile('')).toEqual([]);
    expect(keysOf(readKeyFile(yaml)).get('a')).toMatchObject({
      caller: { id: 'a', tenant: 'search' },
      expires: Date.UTC(2027, 0, 31),
      revoked: false,
    });
  });

  it.each<[string, string, RegExp]>([
    ['no list', '{"keys":{}}', /must have `keys`/],
    ['a text', '"keys"', /must have `keys`/],
    ['an entry that is none', '{"keys":[1]}', /keys\[0\] must be an object/],
    ['an id with an underscore', file({ ...ENTRY, id: 'a_b' }), /keys\[0\]: id must be/],
    ['no tenant', file({ ...ENTRY, tenant: '' }), /keys\[0\] \(a\): tenant/],
    ['no scopes', file({ ...ENTRY, scopes: [] }), /scopes must be a list/],
    ['an unknown scope', file({ ...ENTRY, scopes: ['write'] }), /"write" is no scope/],
    ['a secret for a hash', file({ ...ENTRY, hash: 'hunter2' }), /hash must be sha256:/],
    ['a date that is none', file({ ...ENTRY, expires: 'tomorrow' }), /expires must be a date/],
    ['an unknown field', file({ ...ENTRY, expire: '2027-01-31' }), /expire is no field/],
    ['an id twice', file(ENTRY, ENTRY), /the id a is there twice/],
  ])('is refused with %s, and says where', (_, text, message) => {
    expect(() => readKeyFile(text)).toThrow(message);
    expect(() => readKeyFile(text)).not.toThrow(/hunter2|sha256:[\w-]{22}/);
  });
});
