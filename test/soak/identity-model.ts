// The smallest ONNX models there are, written as protobuf by hand.
import type { Datatype } from '../../src/tensor.ts';

/** https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, TensorProto.DataType */
const ELEMENT_TYPES: Readonly<Record<Datatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
};

/** What comes in goes out. @param shape of `x` and `y`; a text is a free axis of that name. */
export function identityModel(datatype: Datatype, shape: readonly (number | string)[], opset = 17): Uint8Array {
  const node = [text(1, 'x'), text(2, 'y'), text(4, 'Identity')];
  const graph = [message(1, node), text(2, 'g'), message(11, value('x', datatype, shape)), message(12, value('y', datatype, shape))];
  return Uint8Array.from([integer(1, 8), message(8, [integer(2, opset)]), message(7, graph)].flat());
}

/** `y` is twice `x`. */
export function doublingModel(): Uint8Array {
  const node = [text(1, 'x'), text(1, 'x'), text(2, 'y'), text(4, 'Add')];
  const graph = [message(1, node), text(2, 'g'), message(11, value('x', 'FP32', ['n'])), message(12, value('y', 'FP32', ['n']))];
  return Uint8Array.from([integer(1, 8), message(8, [integer(2, 17)]), message(7, graph)].flat());
}

/** A model whose output is a list of tensors, which is what scikit-learn's classifiers put out by default too. */
export function listModel(): Uint8Array {
  const type = tensorType('FP32', ['n']);
  const list = [message(4, [message(1, type)])];
  const node = [text(1, 'x'), text(2, 'y'), text(4, 'SequenceConstruct')];
  const graph = [
    message(1, node),
    text(2, 'g'),
    message(11, [text(1, 'x'), message(2, type)]),
    message(12, [text(1, 'y'), message(2, list)]),
  ];
  return Uint8Array.from([integer(1, 8), message(8, [integer(2, 17)]), message(7, graph)].flat());
}

/** `y` is the one of the four values `x` of a row that its `i` says; ONNX Runtime fails where that is none of them. */
export function lookupModel(): Uint8Array {
  const axis = [text(1, 'axis'), integer(3, 1), integer(20, 2)];
  const node = [text(1, 'x'), text(1, 'i'), text(2, 'y'), text(4, 'GatherElements'), message(5, axis)];
  const inputs = [message(11, value('x', 'FP32', ['rows', 4])), message(11, value('i', 'INT64', ['rows', 1]))];
  const graph = [message(1, node), text(2, 'g'), ...inputs, message(12, value('y', 'FP32', ['rows', 1]))];
  return Uint8Array.from([integer(1, 8), message(8, [integer(2, 17)]), message(7, graph)].flat());
}

function value(name: string, datatype: Datatype, shape: readonly (number | string)[]): number[][] {
  return [text(1, name), message(2, tensorType(datatype, shape))];
}

function tensorType(datatype: Datatype, shape: readonly (number | string)[]): number[][] {
  const axes = shape.map((size) => message(1, [typeof size === 'string' ? text(2, size) : integer(1, size)]));
  return [message(1, [integer(1, ELEMENT_TYPES[datatype]), message(2, axes)])];
}

function integer(field: number, value: number): number[] {
  return [...varint(field * 8), ...varint(value)];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...Buffer.from(value)]);
}

function message(field: number, parts: readonly number[][]): number[] {
  return bytes(field, parts.flat());
}

function bytes(field: number, content: readonly number[]): number[] {
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
