// What model.yaml demands and the model cannot give is named with its key and with what would fit.
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { checkDemands, type Means } from './demands.js';
import { Manifest } from './manifest.js';
import { Signature } from './signature.js';

const wire = (name: string, ...shape: (number | string)[]) => ({ name, type: 'float32', shape }) as const;
const ROWS = Signature.of({ inputs: [wire('a', 'n', 3), wire('b', 'n', 3)], outputs: [wire('scores', 'n', 2), wire('sum', 'n')] });
const PICTURES = Signature.of({ inputs: [wire('img', 'n', 3, 32, 32)], outputs: [wire('logits', 'n', 2)] });
const PAIRS = Signature.of({
  inputs: [wire('input_ids', 'n', 'length'), wire('pixel_values', 'n', 3, 8, 8)],
  outputs: [wire('text_embeds', 'n', 8)],
});
const BYTES = Signature.of({ inputs: [{ name: 'img', type: 'uint8', shape: ['n', 3, 8, 8] }], outputs: [wire('logits', 'n', 2)] });
const FIXED = Signature.of({ inputs: [wire('x', 1, 4)], outputs: [wire('y', 1, 4)] });
const TEXTS = Signature.of({
  inputs: [wire('input_ids', 'n', 'length'), wire('attention_mask', 'n', 'length')],
  outputs: [wire('sentence_embedding', 'n', 8)],
});

function check(manifest: object, means: Partial<Means> = {}): () => void {
  const settings = plainToInstance(Manifest, manifest);
  const { image, labels } = settings;
  return () => {
    checkDemands(settings, { signature: ROWS, hasTokenizer: false, image, labels, ...means });
  };
}

describe('checkDemands', () => {
  it.each<[object, Partial<Means>]>([
    [{}, {}],
    [{ inputs: { a: { shape: [-1, 3], min: 0 } } }, {}],
    [{ inputs: { a: { shape: [2, 3] } } }, {}],
    [{ labels: ['no', 'yes'] }, {}],
    [{ task: 'tensors' }, {}],
    [
      { task: 'embeddings', batching: { segments: true } },
      { signature: TEXTS, hasTokenizer: true },
    ],
    [{ task: 'classification' }, { labels: ['no', 'yes'] }],
    [{ task: 'image-classification', image: { height: 32, width: 32 }, labels: ['no', 'yes'] }, { signature: PICTURES }],
    [{ batching: { enabled: true } }, {}],
    [{ batching: { enabled: false } }, { signature: FIXED }],
  ])('takes %j', (manifest, means) => {
    expect(check(manifest, means)).not.toThrow();
  });

  it.each<[object, Partial<Means>, string]>([
    [{ inputs: { c: { min: 0 } } }, {}, 'inputs.c: the model has no such input; its inputs are a, b'],
    [{ inputs: { a: { min: 2, max: 1 } } }, {}, 'inputs.a.min: 2 is above max, 1'],
    [{ inputs: { a: { shape: [2, 5] } } }, {}, 'inputs.a.shape: [2, 5] does not fit the graph, which has [-1, 3]'],
    [{ inputs: { a: { shape: [3] } } }, {}, 'inputs.a.shape: [3] does not fit'],
    [
      { task: 'image-classification' },
      { imageFault: 'p.json: do_pad is not done' },
      'needs image in model.yaml, p.json: do_pad is not done',
    ],
    [{ task: 'embeddings' }, {}, 'task: embeddings needs tokenizer.json beside the graph and an input input_ids'],
    [{ task: 'embeddings' }, { hasTokenizer: true }, 'task: embeddings needs tokenizer.json'],
    [
      { task: 'embeddings' },
      { signature: PAIRS, hasTokenizer: true },
      'task: embeddings needs a graph that takes tokens alone, without pixel_values',
    ],
    [{ task: 'text-classification' }, { signature: TEXTS, hasTokenizer: true }, 'task: text-classification needs labels'],
    [{ task: 'image-classification' }, { labels: ['no', 'yes'] }, 'task: image-classification needs image'],
    [{ task: 'classification' }, {}, 'task: classification needs labels in model.yaml, or labels.txt'],
    [
      { labels: ['a', 'b', 'c'] },
      {},
      'labels: there are 3, and no output is FP32 [-1, 3]; the outputs are scores FP32 [-1, 2], sum FP32 [-1]',
    ],
    [{ image: { height: 8, width: 8 } }, {}, 'image: pictures are for models of one input; the inputs are a, b'],
    [
      { image: { height: 64, width: 64 } },
      { signature: PICTURES },
      'image: NCHW pictures of 64 x 64 have the shape [-1, 3, 64, 64]; img takes [-1, 3, 32, 32]',
    ],
    [{ image: { height: 32, width: 32, layout: 'NHWC' } }, { signature: PICTURES }, 'image: NHWC pictures'],
    [{ image: { height: 8, width: 8 } }, { signature: BYTES }, 'image: pictures become FP32 or FP16; img takes UINT8'],
    [{ batching: { enabled: true } }, { signature: FIXED }, 'batching.enabled: the first axis is not free in x'],
    [{ batching: { segments: true } }, {}, 'batching.segments: '],
  ])('refuses %j', (manifest, means, fault) => {
    expect(check(manifest, means)).toThrow(fault);
  });

  it('names all that does not fit at once', () => {
    expect(check({ inputs: { c: {} }, task: 'classification' })).toThrow(/inputs\.c: [^]*\n {2}task: /);
  });
});
