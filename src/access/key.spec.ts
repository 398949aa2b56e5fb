// A key and what is kept of it.
import { expect, it } from '@jest/globals';
import { digestOf, isSecret, newKey, NO_KEY, partsOf } from './key.js';

const { key, kept } = newKey('search-1');
const digest = digestOf(kept);

it('is recognized by what is kept of it, and no other is', () => {
  if (!digest) throw new Error('no digest');
  const { id, secret } = partsOf(key);
  expect(id).toBe('search-1');
  expect(isSecret(secret, digest)).toBe(true);
  expect(isSecret(partsOf(newKey('search-1').key).secret, digest)).toBe(false);
  expect(isSecret(secret, NO_KEY)).toBe(false);
  expect(isSecret('', NO_KEY)).toBe(false);
});

it('has 256 bits, and is not in what is kept', () => {
  const { secret } = partsOf(key);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect(kept).not.toContain(secret);
  expect(newKey('search-1').kept).not.toBe(kept);
});

it.each([
  '',
  'nst_',
  'nst_a_b',
  key.slice(0, -1),
  `${key}x`,
  `x${key}`,
  key.replace('search-1', '../x'),
  key.replace('search-1', ''),
  `${key}\n`,
])('is not %j', (text) => {
  expect(partsOf(text)).toEqual({ id: '', secret: '' });
});

it.each(['', 'sha256', 'sha256::', 'md5:a:b', kept.slice(0, -1), `${kept}=`])('is not kept as %j', (text) => {
  expect(digestOf(text)).toBeUndefined();
});
