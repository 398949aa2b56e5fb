// How deep JSON is nested, before anything is made of it: what walks over its values afterwards may call itself for each level.
import { invalid } from '../../errors.js';

/** A row of an image is five deep; nobody who means well comes near it. */
export const DEEPEST = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Brackets and braces differ in this bit alone. */
const BRACE_BIT = 0x20;
const OPEN = 0x5b | BRACE_BIT;
const CLOSE = 0x5d | BRACE_BIT;

/** @throws NestorError INVALID_REQUEST */
export function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if ((byte | BRACE_BIT) === OPEN) {
      if (++depth > DEEPEST) throw invalid('body', `The body is nested deeper than ${DEEPEST}`);
    } else if ((byte | BRACE_BIT) === CLOSE) depth--;
  }
}

/** @param start of an opening quote. @returns where the closing one is, or the end. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start; ;) {
    at = bytes.indexOf(QUOTE, at + 1);
    if (at < 0) return bytes.length;
    let escapes = 0;
    while (bytes[at - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
}
