// Depth is counted as a parser would, whatever the texts hold.
import { describe, expect, it } from '@jest/globals';
import { assert, json, property } from 'fast-check';
import { checkDepth, DEEPEST } from './json-depth.js';

const check = (text: string) => (): void => {
  checkDepth(Buffer.from(text));
};
const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

describe('JSON', () => {
  it.each(['[', '{"a":'])('nested one level too deep with %s is refused', (open) => {
    expect(check(open.repeat(DEEPEST))).not.toThrow();
    expect(check(open.repeat(DEEPEST + 1))).toThrow('nested deeper');
  });

  it.each([
    ['brackets', '[['],
    ['quotes before brackets', '\\"[['],
    ['a backslash at its end', '[[\\\\'],
  ])('may have texts of %s', (_, part) => {
    expect(check(`{"text":"${part.repeat(DEEPEST)}","deep":${'['.repeat(DEEPEST - 1)}`)).not.toThrow();
    expect(check(`{"text":"${part.repeat(DEEPEST)}","deep":${'['.repeat(DEEPEST)}`)).toThrow('nested deeper');
  });

  it('is refused exactly where it is too deep', () => {
    assert(
      property(json({ maxDepth: 6 }), (text) => {
        const around = DEEPEST - depthOf(JSON.parse(text));
        expect(check('['.repeat(around) + text)).not.toThrow();
        if (depthOf(JSON.parse(text)) > 0) expect(check('['.repeat(around + 1) + text)).toThrow('nested deeper');
      }),
    );
  });
});
