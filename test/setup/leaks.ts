// What no server may ever print, whoever sent it and whatever came of it: credentials, and what requests and answers hold.

/** By what it looks like; texts look like anything, see sent.ts. */
const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ['a key', /nst_[a-z0-9-]+_[\w-]{20}/],
  ['the hash of a key', /sha256:[\w+/=-]+:[\w+/=-]{20}/],
  ['a token', /\beyJ[\w-]{8,}\.eyJ[\w-]/],
  ['credentials of a header', /\b(?:Bearer|Basic) +[\w.~+/=-]{6}/i],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ['a password in a URL', /\b[a-z]+:\/\/[^\s/@:"]*:[^\s/@"]+@/i],
  ['a field of a body', /\\*"(?:instances|inputs?|pixels|input_ids|embedding)\\*":/],
  // As JSON has them, or Node's console; a sentence may list as many versions.
  ['numbers of a tensor', /(?:-?\d[\d.]*(?:e[+-]?\d+)?,){8}|\[(?:\s|\\n)*(?:-?\d[\d.]*(?:e[+-]?\d+)?,\s*){8}/i],
  // In base64 there is some of everything; the names that a path makes up may be as long.
  ['bytes', /<Buffer(?: [0-9a-f]{2}){8}|(?=[\w+/]*\d)(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[A-Za-z0-9+/]{120}/],
];
/** Of the line that gives it away, up to where it does. */
const SHOWN = 120;

/**
 * @param texts that must not be in it either.
 * @returns what was found, and the beginning of its line; undefined where all is well.
 */
export function leakIn(output: string, texts: Iterable<string> = []): string | undefined {
  for (const [what, pattern] of FORBIDDEN) {
    const at = output.search(pattern);
    if (at >= 0) return told(what, output, at);
  }
  for (const text of texts) {
    const at = output.indexOf(text);
    if (at >= 0) return told(`a text of ${text.length} characters that was sent`, output, at);
  }
  return undefined;
}

function told(what: string, output: string, at: number): string {
  const line = output.slice(output.lastIndexOf('\n', at) + 1, at);
  return `${what}, behind: ${line.slice(0, SHOWN)}`;
}
