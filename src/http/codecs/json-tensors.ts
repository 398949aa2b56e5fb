// Tensors <-> JSON values (which MsgPack shares): checked in the one pass that copies them into their typed array.
import { invalid, NestorError } from '../../errors.js';
import { checkFit } from '../../inference/input-spec.js';
import type { TensorSpec } from '../../models/signature.js';
import { allocate, elementCount, type Datatype, type Tensor, type TensorData } from '../../tensor.js';
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

/**
 * A tensor from `{ shape, datatype, data }` or from bare nested arrays, whose shape is then theirs. Data are numbers, or
 * little-endian bytes where the format has bytes.
 * @param maxElements what the body can hold at most: a shape cannot claim more memory than was sent.
 * @throws NestorError INVALID_REQUEST that names the field.
 */
export function tensorFromJson(value: unknown, spec: TensorSpec, field: string, maxElements: number): Tensor {
  if (!isObject(value)) {
    const shape = nestingOf(value, field);
    return { name: spec.name, datatype: spec.datatype, shape, data: flatten(value, shape, spec.datatype, field, maxElements) };
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
  return { name: spec.name, datatype, shape: sizes, data: flatten(data, sizes, datatype, `${field}.data`, maxElements) };
}

/** The rows of `instances`, each without the axis that counts them, as one tensor. */
export function tensorFromRows(instances: readonly unknown[] | NumberBlock, spec: TensorSpec, maxElements: number): Tensor {
  return tensorFromJson(instances, spec, 'instances', maxElements);
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

function flatten(value: unknown, shape: readonly number[], datatype: Datatype, field: string, maxElements: number): TensorData {
  const count = elementCount(shape);
  const flat = flatValues(value);
  if (flat && flat.length !== count)
    throw invalid(field, `There are ${flat.length} elements; the shape [${shape.join(', ')}] holds ${count}`);
  if (!isList(value) && count !== 1) throw invalid(field, `The data are no array; the shape [${shape.join(', ')}] holds ${count} elements`);
  if (count > maxElements) throw invalid(field, `The shape [${shape.join(', ')}] holds ${count} elements, more than the body can carry`);
  const target = allocate(datatype, count);
  if (flat) fill(target, flat, 0, datatype, field);
  else if (isList(value)) fillNested(target, value, shape, 0, 0, datatype, field);
  else fill(target, [value], 0, datatype, field);
  return target;
}

/** The elements of an array that holds no arrays. */
function flatValues(value: unknown): ArrayLike<unknown> | undefined {
  if (value instanceof NumberBlock) return value.shape.length === 1 ? value.values : undefined;
  return Array.isArray(value) && !isList(value[0]) ? value : undefined;
}

/** @returns the offset behind what was written. */
function fillNested(
  target: TensorData,
  value: unknown,
  shape: readonly number[],
  axis: number,
  offset: number,
  datatype: Datatype,
  field: string,
): number {
  if (value instanceof NumberBlock && hasShape(value, shape, axis)) {
    fill(target, value.values, offset, datatype, field);
    return offset + value.values.length;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    throw invalid(
      field,
      `The arrays do not have the shape [${shape.join(', ')}]: one at depth ${axis} has not ${shape[axis] ?? 0} elements`,
    );
  }
  if (axis === shape.length - 1) {
    fill(target, value, offset, datatype, field);
    return offset + value.length;
  }
  let next = offset;
  for (const inner of value as unknown[]) next = fillNested(target, inner, shape, axis + 1, next, datatype, field);
  return next;
}

function hasShape(block: NumberBlock, shape: readonly number[], axis: number): boolean {
  return block.shape.length === shape.length - axis && block.shape.every((size, inner) => size === shape[axis + inner]);
}

function fill(target: TensorData, values: ArrayLike<unknown>, offset: number, datatype: Datatype, field: string): void {
  const largest = LARGEST[datatype];
  if (largest !== undefined) {
    const floats = target as Float32Array;
    for (let i = 0; i < values.length; i++) {
      // Where a model takes INT64 too, a long integer among its floats was parsed exactly.
      const value = typeof values[i] === 'bigint' ? Number(values[i]) : values[i];
      if (typeof value !== 'number' || !(Math.abs(value) <= largest)) throw misfit(value, offset + i, datatype, field);
      floats[offset + i] = value;
    }
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const element = convert(values[i], datatype);
    if (element === undefined) throw misfit(values[i], offset + i, datatype, field);
    (target as unknown[])[offset + i] = element;
  }
}

function convert(value: unknown, datatype: Datatype): number | bigint | string | undefined {
  if (datatype === 'BYTES') return typeof value === 'string' ? value : undefined;
  if (datatype === 'BOOL') return typeof value === 'boolean' || value === 0 || value === 1 ? Number(value) : undefined;
  if (datatype === 'INT64' || datatype === 'UINT64') {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
    const integer = BigInt(value as number | bigint);
    return (datatype === 'INT64' ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer)) === integer ? integer : undefined;
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
