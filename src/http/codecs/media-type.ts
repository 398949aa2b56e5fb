// Content-Type and Accept as RFC 9110 has them.

/** Type and subtype in lower case, without parameters; `''` where there is none. */
export function readMediaType(contentType: string | undefined): string {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Ranges of an Accept header that are looked at: more than any client has, fewer than an attacker would like. */
const MOST_RANGES = 64;

interface Range {
  readonly type: string;
  readonly subtype: string;
  readonly q: number;
}

/** How much the client likes a format by any of its names, 0 (not at all) to 1: the most specific range that fits decides. */
export function readAccept(accept: string | undefined): (mediaTypes: readonly string[]) => number {
  if (accept === undefined || accept.trim() === '') return () => 1;
  const ranges = accept.split(',', MOST_RANGES).map(readRange);
  return (mediaTypes) => {
    const exact = ranges.filter(({ type, subtype }) => mediaTypes.includes(`${type}/${subtype}`));
    if (exact.length > 0) return Math.max(...exact.map(({ q }) => q));
    const group = ranges.find(({ type, subtype }) => subtype === '*' && mediaTypes.some((name) => name.startsWith(`${type}/`)));
    return (group ?? ranges.find(({ type, subtype }) => type === '*' && subtype === '*'))?.q ?? 0;
  };
}

function readRange(text: string): Range {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const [type = '', subtype = ''] = range.split('/', 2);
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const q = weight === undefined ? 1 : Number(weight.slice(2));
  return { type, subtype, q: q >= 0 && q <= 1 ? q : 0 };
}
