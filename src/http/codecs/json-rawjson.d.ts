// The part of ECMAScript's JSON.parse source text access that TypeScript's libraries do not declare yet.
interface JSON {
  /** A value that `JSON.stringify` puts out as the given text. */
  rawJSON(text: string): unknown;
  parse(text: string, reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown): unknown;
}
