// Is a value of a document an array, or an object? What stands for one, and the bytes that MsgPack has besides, count as what they mean.
import { NumberBlock } from './number-block.js';

export function isList(value: unknown): value is unknown[] | NumberBlock {
  return Array.isArray(value) || value instanceof NumberBlock;
}

/** Of bytes each would be a member otherwise: whoever lists those made 32 million pairs of a body. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isList(value) && !ArrayBuffer.isView(value);
}
