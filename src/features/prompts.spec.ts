// Prompts: in front of a text as Sentence Transformers puts them, or around it as a template says.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Prompts } from './prompts.js';

const prompts = Prompts.compile({
  prefixes: { query: 'query: ', passage: 'passage: ', none: '', unset: null },
  templates: { passage: 'text: ', ask: 'Question: {{ text | trim }}\nAnswer:' },
  byDefault: 'query',
});
const applied = (choice: Parameters<Prompts['choose']>[0], text = ' What? '): string => prompts.choose(choice)?.apply(text) ?? text;

describe('a prompt', () => {
  it('goes in front of the text, found by its name', () => {
    expect(applied({ name: 'query' })).toBe('query:  What? ');
  });

  it('may have any name', () => {
    const prefixes = JSON.parse('{ "__proto__": "a: ", "constructor": "b: ", "toString": "c: " }') as Record<string, string>;
    const odd = Prompts.compile({ prefixes });
    expect(odd.names.map((name) => odd.choose({ name })?.apply('x'))).toEqual(['a: x', 'b: x', 'c: x']);
  });

  it('of the manifest takes the place of one of the export', () => {
    expect(applied({ name: 'passage' })).toBe('text:  What? ');
  });

  it('with template syntax is rendered around the text', () => {
    expect(applied({ name: 'ask' })).toBe('Question: What?\nAnswer:');
  });

  it('is the default where nothing is asked for, unless an empty text says so', () => {
    expect(applied({})).toBe('query:  What? ');
    expect(applied({ text: '' })).toBe(' What? ');
    expect(Prompts.compile({}).choose({})).toBeUndefined();
  });

  it('that is empty adds nothing', () => {
    expect(prompts.choose({ name: 'none' })).toBeUndefined();
    expect(prompts.choose({ name: 'unset' })).toBeUndefined();
  });

  it('that the client sends is taken as it is, template syntax and all', () => {
    expect(applied({ text: '{{ 7 * 7 }} ' }, 'x')).toBe('{{ 7 * 7 }} x');
  });

  it('of an export is no template, as Sentence Transformers has it', () => {
    const literal = Prompts.compile({ prefixes: { a: '{{ text }}: ' } });
    expect(literal.choose({ name: 'a' })?.apply('x')).toBe('{{ text }}: x');
    expect(literal.templated).toBe(false);
  });

  it('never looks into the text for a template', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hostile = `{% for i in range(9) %}${text}{{ text }}{% endfor %}`;
        expect(applied({ name: 'query' }, hostile)).toBe(`query: ${hostile}`);
        expect(
          Prompts.compile({ templates: { t: '<{{ text }}>' } })
            .choose({ name: 't' })
            ?.apply(hostile),
        ).toBe(`<${hostile}>`);
      }),
    );
  });
});

describe('what cannot be', () => {
  it('a name that there is not is refused with those that there are', () => {
    const refusal = { code: 'INVALID_REQUEST', field: 'prompt_name', message: expect.stringContaining('query, passage, none, unset, ask') };
    expect(() => prompts.choose({ name: 'other' })).toThrow(expect.objectContaining(refusal));
    for (const name of ['__proto__', 'constructor', '']) expect(() => prompts.choose({ name })).toThrow('has no prompt');
    expect(() => Prompts.compile({}).choose({ name: 'query' })).toThrow('it has none');
  });

  it('a name and a text together', () => {
    expect(() => prompts.choose({ name: 'query', text: 'a' })).toThrow(expect.objectContaining({ field: 'prompt_name' }));
  });

  it.each([
    ['a default that is none of them', { byDefault: 'x', prefixes: { a: '' } }, 'the default prompt "x" is none of the prompts: a'],
    ['a template that is broken', { templates: { a: '{% if %}' } }, 'the prompt "a" is no template'],
    ['a template that loses the text', { templates: { a: '{{ txt }}: ' } }, 'does not depend on {{ text }}'],
    ['a number', { prefixes: { a: 1 } }, 'the prompt "a" is no text'],
  ])('%s stops the load', (_, sources, message) => {
    expect(() => Prompts.compile(sources)).toThrow(message);
  });
});
