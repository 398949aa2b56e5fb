// What an error tells its client, however long what it is about.
import { describe, expect, it } from '@jest/globals';
import { invalid, noSuchModel } from '../errors.js';

describe('an error', () => {
  it('repeats no more of what a client sent than its client needs', () => {
    const name = 'x'.repeat(100_000);
    expect(noSuchModel(name).message.length).toBeLessThan(2500);
    expect(invalid(`inputs.${name}`, 'No').field?.length).toBeLessThan(300);
  });
});
