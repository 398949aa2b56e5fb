// What the files of an export tell, in the layouts of Hugging Face and Sentence Transformers.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readModelFiles } from './model-files.js';

const made: string[] = [];

/** A folder with these files: values as JSON, texts as they are. */
async function folder(files: Record<string, unknown>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'nestor-files-'));
  made.push(root);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return root;
}

/** What is read from a folder with a graph and these files. */
async function read(files: Record<string, unknown> = {}) {
  return readModelFiles(await folder({ 'model.onnx': '', ...files }));
}

afterAll(async () => {
  await Promise.all(made.map((root) => rm(root, { recursive: true })));
});

describe('readModelFiles', () => {
  it('needs nothing but the graph', async () => {
    const root = await folder({ 'model.onnx': '' });
    await expect(readModelFiles(root)).resolves.toEqual({ modelPath: join(root, 'model.onnx') });
  });

  it("finds the graph in Hugging Face's folder onnx/ too, one beside the files first", async () => {
    const root = await folder({ 'onnx/model.onnx': '' });
    await expect(readModelFiles(root)).resolves.toMatchObject({ modelPath: join(root, 'onnx', 'model.onnx') });
    await writeFile(join(root, 'model.onnx'), '');
    await expect(readModelFiles(root)).resolves.toMatchObject({ modelPath: join(root, 'model.onnx') });
  });

  it('names the folder that has no graph', async () => {
    const root = await folder({ 'config.json': {} });
    await expect(readModelFiles(root)).rejects.toThrow(`${root} holds neither model.onnx nor onnx/model.onnx`);
  });

  it('names the file that is not JSON', async () => {
    const root = await folder({ 'model.onnx': '', 'config.json': '{ nonsense' });
    await expect(readModelFiles(root)).rejects.toThrow(`${join(root, 'config.json')} is not JSON`);
  });

  it('reads a Sentence Transformers export whole', async () => {
    await expect(
      read({
        'tokenizer.json': {},
        'config.json': { max_position_embeddings: 512 },
        'sentence_bert_config.json': { max_seq_length: 256 },
        'modules.json': [{ type: 'sentence_transformers.models.Transformer' }, { type: 'sentence_transformers.models.Normalize' }],
        '1_Pooling/config.json': { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true },
      }),
    ).resolves.toMatchObject({
      tokenizerPath: expect.stringMatching(/tokenizer\.json$/),
      pooling: 'mean',
      normalize: true,
      maxLength: 256,
    });
  });

  it.each([
    ['cls', { pooling_mode_cls_token: true }],
    ['max', { pooling_mode_max_tokens: true }],
    ['mean', {}],
    ['lasttoken', { pooling_mode_lasttoken: true, pooling_mode_mean_tokens: false }],
    ['weightedmean', { pooling_mode: 'weightedmean' }],
    ['max', { pooling_mode: ['max'] }],
  ])('finds the pooling %s', async (pooling, config) => {
    await expect(read({ '1_Pooling/config.json': config })).resolves.toMatchObject({ pooling });
  });

  it.each([
    ['mean and max', { pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true }],
    ['cls and mean', { pooling_mode: ['cls', 'mean'] }],
    ['median', { pooling_mode: 'median' }],
  ])('refuses the pooling %s', async (pooling, config) => {
    await expect(read({ '1_Pooling/config.json': config })).rejects.toThrow(`1_Pooling/config.json: the pooling ${pooling} is not served`);
  });

  it("reads Sentence Transformers' prompts, and whether they are pooled", async () => {
    const prompts = { query: 'query: ', document: null };
    await expect(
      read({
        'config_sentence_transformers.json': { prompts, default_prompt_name: 'query', similarity_fn_name: 'cosine' },
        '1_Pooling/config.json': { include_prompt: false },
      }),
    ).resolves.toMatchObject({ prompts, defaultPrompt: 'query', includePrompt: false });
    const unset = { prompts: {}, default_prompt_name: null };
    await expect(read({ 'config_sentence_transformers.json': unset })).resolves.toMatchObject({ defaultPrompt: undefined });
  });

  it('does not normalize where no module says so', async () => {
    await expect(read({ 'modules.json': [{ type: 'x.Transformer' }, {}] })).resolves.toMatchObject({ normalize: false });
  });

  it.each([
    [['models.Transformer', 'models.Pooling', 'models.Dropout', 'models.Normalize'], []],
    [['models.Transformer', 'models.Pooling', 'models.Dense', 'models.Normalize'], ['Dense']],
    [['base.modules.transformer.Transformer', 'custom.WeightedLayerPooling'], ['WeightedLayerPooling']],
  ])('knows which of the modules %j only a graph has', async (types, graphModules) => {
    const modules = types.map((type) => ({ type: `sentence_transformers.${type}` }));
    await expect(read({ 'modules.json': modules })).resolves.toMatchObject({ graphModules });
  });

  it('takes the longest position where no maximum is given', async () => {
    const files = { 'config.json': { max_position_embeddings: 512 }, 'sentence_bert_config.json': { max_seq_length: null } };
    await expect(read(files)).resolves.toMatchObject({ maxLength: 512 });
  });

  it.each([
    [{ 'tokenizer_config.json': { model_max_length: 128 } }, 128],
    [{ 'tokenizer_config.json': { model_max_length: 1e30 } }, 512],
    [{ 'tokenizer_config.json': { model_max_length: 4096 } }, 512],
    [{ 'tokenizer_config.json': { model_max_length: 128 }, 'sentence_bert_config.json': { max_seq_length: 256 } }, 256],
    [{ 'sentence_bert_config.json': { max_seq_length: 1024 } }, 512],
  ])('takes the shortest of what tokenizer and model can do, Sentence Transformers first: %j', async (files, maxLength) => {
    await expect(read({ 'config.json': { max_position_embeddings: 512 }, ...files })).resolves.toMatchObject({ maxLength });
  });

  it('counts the positions of RoBERTa and its like from behind the padding token', async () => {
    const config = { model_type: 'xlm-roberta', max_position_embeddings: 514, pad_token_id: 1 };
    await expect(read({ 'config.json': config })).resolves.toMatchObject({ maxLength: 512 });
  });

  it('orders labels by their numbers, and prefers labels.txt', async () => {
    const id2label = { 10: 'k', 2: 'c', 0: 'a' };
    await expect(read({ 'config.json': { id2label } })).resolves.toMatchObject({ labels: ['a', 'c', 'k'] });
    await expect(read({ 'config.json': { id2label }, 'labels.txt': 'zero\r\none two\nthree\n' })).resolves.toMatchObject({
      labels: ['zero', 'one two', 'three'],
    });
  });
});

describe('preprocessor_config.json', () => {
  const image = (preprocessor: object) => read({ 'preprocessor_config.json': preprocessor });

  it('makes a recipe', async () => {
    await expect(image({ size: 192 })).resolves.toMatchObject({ image: { height: 192, width: 192 }, imageFault: undefined });
    await expect(image({ feature_size: 80 })).resolves.toMatchObject({ image: undefined, imageFault: undefined });
  });

  it('that cannot be followed is told with its path, and is no matter to who takes no pictures', async () => {
    const imageFault = expect.stringMatching(/\/preprocessor_config\.json: do_pad is not done$/);
    await expect(image({ size: 192, do_pad: true })).resolves.toMatchObject({ image: undefined, imageFault });
  });
});
