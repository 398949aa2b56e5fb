// Bodies that pass without class-validator are none that it would refuse.
import { describe, expect, it } from '@jest/globals';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { EmbeddingsBody } from './embeddings.dto.js';
import { PredictBody } from './predict.dto.js';

const value = fc.oneof(
  fc.constantFrom<unknown>(
    'm',
    '',
    'float',
    'base64',
    '\uFE0F',
    'x'.repeat(256),
    'x'.repeat(257),
    0,
    1,
    1.5,
    true,
    {},
    [],
    ['a'],
    [1],
    [[1]],
    null,
  ),
  fc.string(),
);

describe.each([EmbeddingsBody, PredictBody])('$name', (Dto) => {
  const fields = Object.keys(new Dto());
  const named = fc.dictionary(fc.constantFrom(...fields), value);
  const usual = fc.record({ model: value, input: value, instances: value, encoding_format: value }, { requiredKeys: [] });

  it('is right wherever it is plain, and plain where it is usual', () => {
    let plain = 0;
    fc.assert(
      fc.property(fc.oneof(named, usual), (body) => {
        const instance = new Dto();
        for (const [field, given] of Object.entries(body))
          if (fields.includes(field) && given !== null) Object.assign(instance, { [field]: given });
        if (!(Dto.isPlain as (body: object) => boolean)(instance)) return;
        plain++;
        expect(validateSync(instance)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
    expect(plain).toBeGreaterThan(0);
  });
});
