// Prompts: what a model wants to read in front of a text, or around it; compiled once, when the model is loaded.
import { Template } from '@huggingface/jinja';
import { invalid, reasonOf } from '../errors.js';

/** What a request asks for: a prompt of the model by its name, or a text of its own; an empty text asks for none. */
export interface PromptChoice {
  readonly name?: string | undefined;
  readonly text?: string | undefined;
}

export interface Prompt {
  readonly apply: (text: string) => string;
  /** What stands in front of every text; undefined for a template, whose text may be anywhere in it. */
  readonly prefix: string | undefined;
}

/** Prompts by name, as they are configured. */
export interface PromptSources {
  /** Put in front of the text as they are, whatever they hold: Sentence Transformers' `prompts`. */
  readonly prefixes?: Readonly<Record<string, unknown>> | undefined;
  /** The same, and those with template syntax are Jinja templates over `text`; they go before prefixes of their name. */
  readonly templates?: Readonly<Record<string, unknown>> | undefined;
  /** Name of the prompt for requests that ask for none. */
  readonly byDefault?: string | undefined;
}

const TEMPLATE_SYNTAX = /\{\{|\{%/;

export class Prompts {
  readonly #byDefault: Prompt | undefined;

  private constructor(
    private readonly prompts: ReadonlyMap<string, Prompt>,
    byDefault: string | undefined,
  ) {
    this.#byDefault = byDefault === undefined ? undefined : prompts.get(byDefault);
  }

  /** @throws Error that names the prompt that cannot be used, and why. */
  static compile({ prefixes = {}, templates = {}, byDefault }: PromptSources): Prompts {
    const compiled = new Map<string, Prompt>();
    for (const [name, source] of Object.entries(prefixes)) compiled.set(name, prefixed(textOf(name, source)));
    for (const [name, source] of Object.entries(templates)) {
      const text = textOf(name, source);
      compiled.set(name, TEMPLATE_SYNTAX.test(text) ? templated(name, text) : prefixed(text));
    }
    if (byDefault !== undefined && !compiled.has(byDefault)) {
      throw new Error(
        `the default prompt ${JSON.stringify(byDefault)} is none of the prompts: ${[...compiled.keys()].join(', ') || 'there are none'}`,
      );
    }
    return new Prompts(compiled, byDefault);
  }

  get names(): string[] {
    return [...this.prompts.keys()];
  }

  /** Whether one of them is a template. */
  get templated(): boolean {
    return [...this.prompts.values()].some(({ prefix }) => prefix === undefined);
  }

  /**
   * The prompt for a request; undefined where nothing is added to its texts. A text from a client is never a template.
   * @throws NestorError INVALID_REQUEST for an unknown name, and for a name and a text together.
   */
  choose({ name, text }: PromptChoice): Prompt | undefined {
    if (text !== undefined && name !== undefined) throw invalid('prompt_name', 'Send prompt or prompt_name, not both');
    if (text !== undefined) return unlessEmpty(prefixed(text));
    if (name === undefined) return this.#byDefault && unlessEmpty(this.#byDefault);
    const prompt = this.prompts.get(name);
    if (prompt) return unlessEmpty(prompt);
    const known = this.names.length > 0 ? `it has ${this.names.join(', ')}` : 'it has none';
    throw invalid('prompt_name', `The model has no prompt ${JSON.stringify(name.slice(0, 100))}; ${known}`);
  }
}

function unlessEmpty(prompt: Prompt): Prompt | undefined {
  return prompt.prefix === '' ? undefined : prompt;
}

function prefixed(prefix: string): Prompt {
  return { prefix, apply: (text) => prefix + text };
}

function templated(name: string, source: string): Prompt {
  try {
    const template = new Template(source);
    const apply = (text: string): string => template.render({ text });
    if (apply('one') === apply('two')) throw new Error('what it renders does not depend on {{ text }}');
    return { prefix: undefined, apply };
  } catch (thrown) {
    throw new Error(`the prompt ${JSON.stringify(name)} is no template: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

/** Sentence Transformers saves null for a prompt that was never set. */
function textOf(name: string, source: unknown): string {
  if (source === null) return '';
  if (typeof source === 'string') return source;
  throw new Error(`the prompt ${JSON.stringify(name)} is no text`);
}
