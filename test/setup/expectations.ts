// What holds for every answer, whatever went wrong.
import { expect } from '@jest/globals';
import type { Answer } from './client.js';
import { ROOT } from './paths.js';

/** No stack trace, no path of the machine, no word of the runtime underneath. */
export function expectNoInternals({ text }: Answer): void {
  expect(text).not.toMatch(/node_modules|\bdist\/|\.[cm]?[jt]s:\d+|\n\s+at |onnxruntime|Non-zero status/i);
  expect(text).not.toContain(ROOT);
}
