// Float32 as JSON: as many digits as tell it from every other float32, not the seventeen of the double that it is in JavaScript.

/** Bytes that a number takes at most, as a double of seventeen digits too. */
export const LONGEST_FLOAT = 26;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const E = 0x65;
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Nine digits tell any two floats apart, and are an integer that fits in 32 bits. */
const MOST_DIGITS = 9;
const FEWEST_DIGITS = 7;
/** Where a point among the digits is written, as `JSON.stringify` has it. */
const SMALLEST_POINTED = 1e-6;
const SMALLEST = 1e-13;
const LARGEST = 1e9;

/**
 * @param value a float32; where it is not finite a null is written, as `JSON.stringify` has it.
 * @returns the offset behind what was written.
 */
export function writeFloat(bytes: Buffer, offset: number, value: number): number {
  if (!Number.isFinite(value)) return offset + bytes.write('null', offset, 'latin1');
  let at = offset;
  if (value < 0 || Object.is(value, -0)) bytes[at++] = MINUS;
  const size = Math.abs(value);
  if (size === 0) {
    bytes[at++] = ZERO;
    // An integer -0 is 0 to Python.
    if (at - offset === 1) return at;
    bytes[at++] = POINT;
    bytes[at++] = ZERO;
    return at;
  }
  if (size < SMALLEST || size >= LARGEST) return at + bytes.write(String(size), at, 'latin1');
  let before = 1;
  while (before <= 9 && size >= (POWERS[before] ?? Infinity)) before++;
  if (size < 1) {
    before = 0;
    while (size * (POWERS[1 - before] ?? NaN) < 1) before--;
  }
  // A quotient of two integers that doubles hold is what a parser makes of these digits: when it is the float, they are right.
  let power = FEWEST_DIGITS - before;
  let scale = POWERS[power] ?? NaN;
  let digits = Math.round(size * scale);
  while (Math.fround(digits / scale) !== size) {
    power++;
    if (power > MOST_DIGITS - before) return at + bytes.write(String(size), at, 'latin1');
    scale = POWERS[power] ?? NaN;
    digits = Math.round(size * scale);
  }
  while (power > 0 && digits % 10 === 0) {
    digits /= 10;
    power--;
  }
  return power === 0 || size >= SMALLEST_POINTED ? pointed(bytes, at, digits, power) : scaled(bytes, at, digits, power);
}

/** Digits with so many of them behind the point. */
function pointed(bytes: Buffer, offset: number, digits: number, behind: number): number {
  let length = Math.max(lengthOf(digits), behind + 1);
  if (behind > 0) length++;
  const end = offset + length;
  let rest = digits;
  let at = end - 1;
  for (let index = 0; index < behind; index++) {
    const next = (rest / 10) | 0;
    bytes[at--] = ZERO + rest - next * 10;
    rest = next;
  }
  if (behind > 0) bytes[at--] = POINT;
  while (at >= offset) {
    const next = (rest / 10) | 0;
    bytes[at--] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}

/** Digits times a negative power of ten. */
function scaled(bytes: Buffer, offset: number, digits: number, power: number): number {
  const at = pointed(bytes, offset, digits, 0);
  bytes[at] = E;
  bytes[at + 1] = MINUS;
  return pointed(bytes, at + 2, power, 0);
}

function lengthOf(digits: number): number {
  let length = 1;
  while (length < 10 && digits >= (POWERS[length] ?? Infinity)) length++;
  return length;
}
