// Tensors <-> JSON values (which MsgPack shares): checked in the one pass that copies them into their typed array.
import { setImmediate } from 'node:timers/promises';
import { invalid, NestorError } from '../../errors.js';
import { ELEMENTS_A_TURN } from '../../inference/check-inputs.js';
import { checkFit } from '../../inference/input-spec.js';
import type { TensorSpec } from '../../models/signature.js';
import { allocateShared, elementCount, type Datatype, type Tensor, type TensorData } from '../../tensor.js';
import { jsonInteger } from './json-text.js';
import { isList, isObject } from './document-value.js';
import { NumberBlock } from './number-block.js';
import { checkDatatype, checkShape, dataFromBytes } from '../../oip/raw-tensor.js';

const RANGES: Partial<Record<Datatype, readonly [number, number]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
};
const LARGEST: Partial<Record<Datatype, number>> = { FP16: 65_504, FP32: 3.4028234663852886e38, FP64: Number.MAX_VALUE };
const MAX_RANK = 16;

/** Elements that are left to be filled in, in turns of the event loop: before that nobody may read the tensor. */
export type Fill = () => Promise<void>;

/** Values and where in the tensor they go. */
interface Run {
  readonly values: ArrayLike<unknown>;
  readonly offset: number;
}

/** What is being filled. */
interface Filling {
  readonly target: TensorData;
  readonly datatype: Datatype;
  readonly field: string;
  /** Of a tensor that takes several turns: what its values are, for later. */
  readonly runs: Run[] | undefined;
}

/**
 * A tensor from `{ shape, datatype, data }` or from bare nested arrays, whose shape is then theirs. Data are numbers, or
 * little-endian bytes where the format has bytes.
 * @param maxElements what the body can hold at most: a shape cannot claim more memory than was sent.
 * @param later gets what is left to be done of a large one.
 * @throws NestorError INVALID_REQUEST that names the field.
 */
export function tensorFromJson(value: unknown, spec: TensorSpec, field: string, maxElements: number, later: Fill[]): Tensor {
  if (!isObject(value)) {
    const shape = nestingOf(value, field);
    return { name: spec.name, datatype: spec.datatype, shape, data: flatten(value, spec, shape, spec.datatype, field, maxElements, later) };
  }
  const { shape, datatype: claimed = spec.datatype, data, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw invalid(`${field}.${unknown}`, `A tensor has shape, datatype and data; ${JSON.stringify(unknown)} is unknown`);
  const datatype = checkDatatype(claimed, `${field}.datatype`, spec.datatype);
  if (data === undefined) throw invalid(`${field}.data`, 'The data are missing');
  if (data instanceof Uint8Array) {
    if (shape === undefined) throw invalid(`${field}.shape`, 'Data in bytes need a shape');
    const sizes = checkShape(shape, `${field}.shape`);
    checkFit(spec, datatype, sizes);
    return { name: spec.name, datatype, shape: sizes, data: dataFromBytes(data, datatype, sizes, `${field}.data`) };
  }
  const sizes = shape === undefined ? nestingOf(data, `${field}.data`) : checkShape(shape, `${field}.shape`);
  return { name: spec.name, datatype, shape: sizes, data: flatten(data, spec, sizes, datatype, `${field}.data`, maxElements, later) };
}

/** The rows of `instances`, each without the axis that counts them, as one tensor. */
export function tensorFromRows(instances: readonly unknown[] | NumberBlock, spec: TensorSpec, maxElements: number, later: Fill[]): Tensor {
  return tensorFromJson(instances, spec, 'instances', maxElements, later);
}

/** The values in row-major order, as JSON has them. */
export function valuesToJson(data: TensorData, name: string, datatype: Datatype): unknown[] {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, jsonInteger);
  if (Array.isArray(data)) return data;
  if (datatype === 'BOOL') return Array.from(data, (value) => value !== 0);
  checkFinite(data, name);
  return Array.from(data);
}

/** @throws NestorError NOT_ACCEPTABLE */
export function checkFinite(data: Exclude<TensorData, string[] | BigInt64Array | BigUint64Array>, name: string): void {
  for (const value of data) {
    if (!Number.isFinite(value)) {
      throw new NestorError('NOT_ACCEPTABLE', `The output ${name} holds NaN or an infinity, which JSON cannot carry`, { field: name });
    }
  }
}

/** The values of one row nested as the shape says. */
export function nest(values: readonly unknown[], shape: readonly number[]): unknown {
  const [size, ...rest] = shape;
  if (size === undefined) return values[0];
  if (rest.length === 0) return values;
  const width = elementCount(rest);
  return Array.from({ length: size }, (_, index) => nest(values.slice(index * width, (index + 1) * width), rest));
}

function nestingOf(value: unknown, field: string): number[] {
  const shape: number[] = [];
  for (let inner = value; isList(inner); inner = inner[0]) {
    if (inner instanceof NumberBlock) return [...shape, ...inner.shape];
    shape.push(inner.length);
    if (shape.length > MAX_RANK) throw invalid(field, `Arrays are nested deeper than ${MAX_RANK}`);
  }
  return shape;
}

function flatten(
  value: unknown,
  spec: TensorSpec,
  shape: readonly number[],
  datatype: Datatype,
  field: string,
  maxElements: number,
  later: Fill[],
): TensorData {
  const count = elementCount(shape);
  const flat = flatValues(value);
  if (flat && flat.length !== count)
    throw invalid(field, `There are ${flat.length} elements; the shape [${shape.join(', ')}] holds ${count}`);
  if (!isList(value) && count !== 1) throw invalid(field, `The data are no array; the shape [${shape.join(', ')}] holds ${count} elements`);
  if (count > maxElements) throw invalid(field, `The shape [${shape.join(', ')}] holds ${count} elements, more than the body can carry`);
  if (isList(value)) checkFit(spec, datatype, shape);
  const target = allocateShared(datatype, count);
  const filling: Filling = { target, datatype, field, runs: count > ELEMENTS_A_TURN ? [] : undefined };
  if (flat) put(filling, flat, 0);
  else if (isList(value)) putNested(filling, value, shape, 0, 0);
  else put(filling, [value], 0);
  if (filling.runs) later.push(() => fillInTurns(filling));
  return target;
}

/** The elements of an array that holds no arrays. */
function flatValues(value: unknown): ArrayLike<unknown> | undefined {
  if (value instanceof NumberBlock) return value.shape.length === 1 ? value.values : undefined;
  return Array.isArray(value) && !isList(value[0]) ? value : undefined;
}

/** @returns the offset behind what was written. */
function putNested(filling: Filling, value: unknown, shape: readonly number[], axis: number, offset: number): number {
  if (value instanceof NumberBlock && hasShape(value, shape, axis)) {
    put(filling, value.values, offset);
    return offset + value.values.length;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    throw invalid(
      filling.field,
      `The arrays do not have the shape [${shape.join(', ')}]: one at depth ${axis} has not ${shape[axis] ?? 0} elements`,
    );
  }
  if (axis === shape.length - 1) {
    put(filling, value, offset);
    return offset + value.length;
  }
  let next = offset;
  for (const inner of value as unknown[]) next = putNested(filling, inner, shape, axis + 1, next);
  return next;
}

function hasShape(block: NumberBlock, shape: readonly number[], axis: number): boolean {
  return block.shape.length === shape.length - axis && block.shape.every((size, inner) => size === shape[axis + inner]);
}

function put(filling: Filling, values: ArrayLike<unknown>, offset: number): void {
  if (filling.runs) filling.runs.push({ values, offset });
  else fill(filling, { values, offset }, 0, values.length);
}

/** 16 Mi integers of 64 bits, which a body of 32 MiB may hold, took half a second in one. */
async function fillInTurns(filling: Filling): Promise<void> {
  let left = ELEMENTS_A_TURN;
  for (const run of filling.runs ?? []) {
    const { length } = run.values;
    for (let from = 0; from < length;) {
      if (left === 0) {
        await setImmediate();
        left = ELEMENTS_A_TURN;
      }
      const to = Math.min(length, from + left);
      fill(filling, run, from, to);
      left -= to - from;
      from = to;
    }
  }
}

/** @param from the first of the values, and `to` the one behind the last. */
function fill({ target, datatype, field }: Filling, { values, offset }: Run, from: number, to: number): void {
  const largest = LARGEST[datatype];
  if (largest !== undefined) {
    const floats = target as Float32Array;
    for (let i = from; i < to; i++) {
      // Where a model takes INT64 too, a long integer among its floats was parsed exactly.
      const value = typeof values[i] === 'bigint' ? Number(values[i]) : values[i];
      if (typeof value !== 'number' || !(Math.abs(value) <= largest)) throw misfit(value, offset + i, datatype, field);
      floats[offset + i] = value;
    }
    return;
  }
  for (let i = from; i < to; i++) {
    const element = convert(values[i], datatype);
    if (element === undefined) throw misfit(values[i], offset + i, datatype, field);
    (target as unknown[])[offset + i] = element;
  }
}

function convert(value: unknown, datatype: Datatype): number | bigint | string | undefined {
  if (datatype === 'BYTES') return typeof value === 'string' ? value : undefined;
  if (datatype === 'BOOL') return typeof value === 'boolean' || value === 0 || value === 1 ? Number(value) : undefined;
  if (datatype === 'INT64' || datatype === 'UINT64') {
    if (typeof value !== 'bigint')
      return Number.isSafeInteger(value) && (datatype === 'INT64' || (value as number) >= 0) ? BigInt(value as number) : undefined;
    return (datatype === 'INT64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) === value ? value : undefined;
  }
  const [low, high] = RANGES[datatype] ?? [0, 0];
  return Number.isInteger(value) && (value as number) >= low && (value as number) <= high ? (value as number) : undefined;
}

function misfit(value: unknown, index: number, datatype: Datatype, field: string): NestorError {
  return invalid(field, `Element ${index} is no ${datatype}: ${typeof value === 'string' ? 'string' : shown(value)}`);
}

/** A value as an error may show it: short, whatever it is. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  return ['number', 'bigint', 'boolean'].includes(typeof value) ? String(value) : value === null ? 'null' : typeof value;
}
