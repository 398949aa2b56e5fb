// What somebody may do, and with which models.

export const SCOPES = ['predict', 'embed', 'models:read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A scope, and where it is limited a colon and the name of a model with one `*` at most: `predict:team-a-*`. */
const FORM = new RegExp(`^(${SCOPES.join('|')})(?::([^\\s:*]*\\*?[^\\s:*]*))?$`);

/** A name, or what stands before and behind its `*`. */
interface Pattern {
  readonly start: string;
  /** Undefined: the name is `start` and nothing more. */
  readonly end: string | undefined;
}

export class Grants {
  /** Undefined: all models. */
  readonly #patterns = new Map<Scope, Pattern[] | undefined>();

  /** @throws Error for what is no scope. */
  constructor(scopes: Iterable<string>) {
    for (const text of scopes) {
      const [, scope, pattern] = FORM.exec(text) ?? [];
      if (!scope || pattern === '')
        throw new Error(`${JSON.stringify(text)} is no scope: ${SCOPES.join(', ')}, each alone or with a model as in predict:team-a-*`);
      this.#add(scope as Scope, pattern);
    }
  }

  /** For one model at least. */
  has(scope: Scope): boolean {
    return this.#patterns.has(scope);
  }

  /** Whatever the model. */
  coversAll(scope: Scope): boolean {
    return this.#patterns.has(scope) && this.#patterns.get(scope) === undefined;
  }

  covers(scope: Scope, model: string): boolean {
    const patterns = this.#patterns.get(scope);
    return patterns === undefined ? this.#patterns.has(scope) : patterns.some((pattern) => matches(pattern, model));
  }

  #add(scope: Scope, pattern: string | undefined): void {
    const known = this.#patterns.get(scope);
    if (pattern === undefined) this.#patterns.set(scope, undefined);
    else if (known) known.push(patternOf(pattern));
    else if (!this.#patterns.has(scope)) this.#patterns.set(scope, [patternOf(pattern)]);
  }
}

export function isScope(text: string): boolean {
  return FORM.test(text) && !text.endsWith(':');
}

function patternOf(text: string): Pattern {
  const [start = '', end] = text.split('*');
  return { start, end };
}

function matches({ start, end }: Pattern, name: string): boolean {
  if (end === undefined) return name === start;
  return name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
}
