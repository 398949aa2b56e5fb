// Sealed values: whole, unchanged and in their place, or not at all.
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seal, unseal } from './entry.js';

const value = fc.uint8Array({ maxLength: 64 });

it('come back as they were, with their time of expiry', () => {
  fc.assert(
    fc.property(fc.string(), value, fc.option(fc.integer({ min: 1, max: 4e12 }), { nil: undefined }), (key, bytes, expires) => {
      const entry = unseal(key, seal(key, { value: bytes, expires }));
      expect([...(entry?.value ?? [])]).toEqual([...bytes]);
      expect(entry?.expires).toBe(expires);
    }),
  );
});

it('are nothing once a byte is changed, cut off or added, or under another key', () => {
  fc.assert(
    fc.property(value, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, change) => {
      const block = seal('key', { value: bytes, expires: undefined });
      const broken = Buffer.from(block);
      broken[at % broken.length] = (broken[at % broken.length] ?? 0) ^ change;
      expect(unseal('key', broken)).toBeUndefined();
      expect(unseal('key', block.subarray(0, at % block.length))).toBeUndefined();
      expect(unseal('key', Buffer.concat([block, Buffer.from([change])]))).toBeUndefined();
      expect(unseal('other', block)).toBeUndefined();
    }),
  );
});

it('are not whatever lies there', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(unseal('key', bytes)).toBeUndefined();
    }),
  );
});
