// How the formats of the registry read in the OpenAPI document: each beside the JSON that a route describes itself.
import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiHeader, type OpenAPIObject } from '@nestjs/swagger';
import { mediaTypes, type Exchange } from './codecs/registry.js';

/** Marks a route whose bodies the codecs read and write; gone from the finished document. */
const MARK = 'x-exchange';

interface Content {
  content?: Record<string, object>;
}
interface Operation {
  [MARK]?: Exchange;
  requestBody?: Content;
  responses?: Record<string, Content & { headers?: object }>;
}

const BYTES = { type: 'string', format: 'binary' };
const DOCUMENT = { type: 'object', additionalProperties: true };

/** What a body of each format holds; another than these is a block of bytes. */
const SCHEMAS: Readonly<Record<string, object>> = {
  'application/msgpack': {
    ...DOCUMENT,
    description:
      'The document of application/json as MsgPack; tensors are `{ shape, datatype, data: bin }`, little-endian. Pictures are bin.',
  },
  'application/x-protobuf': { ...BYTES, description: 'A message of src/http/codecs/nestor.proto.' },
  'application/octet-stream': {
    ...BYTES,
    description:
      'One tensor, little-endian and row-major; BYTES with an unsigned 32-bit length before each element. Shape and datatype in Tensor-Shape and Tensor-Datatype.',
  },
  'application/x-npy': { ...BYTES, description: 'One tensor as `numpy.save` writes it.' },
  'multipart/form-data': {
    type: 'object',
    properties: { image: { type: 'array', items: BYTES } },
    description: 'Pictures, one a part, each with a filename.',
  },
};

const TENSOR_HEADERS = {
  'Tensor-Shape': { description: 'With application/octet-stream: sizes of the axes, `2, 384`.', schema: { type: 'string' } },
  'Tensor-Datatype': { description: 'With application/octet-stream: `FP32`, `INT64`, ...', schema: { type: 'string' } },
};

/** The route speaks every format of the registry. */
export const EveryFormat = (exchange: Exchange): MethodDecorator =>
  applyDecorators(
    ApiExtension(MARK, exchange),
    ApiHeader({
      name: 'Content-Encoding',
      required: false,
      description: 'Compression of the body.',
      schema: { type: 'string', enum: ['gzip', 'deflate', 'br', 'zstd'] },
    }),
  );

/** The headers that describe a tensor which is sent as its bytes. */
export const TensorHeaders = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Tensor-Shape',
      required: false,
      description: 'With application/octet-stream: sizes of the axes, `1, 3, 224, 224`. Not needed where one axis of the model is free.',
      schema: { type: 'string' },
    }),
    ApiHeader({
      name: 'Tensor-Datatype',
      required: false,
      description: "With application/octet-stream: the datatype; the model's own by default.",
      schema: { type: 'string' },
    }),
  );

/** Adds the formats to the routes that are marked. */
export function addFormats(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item) as Operation[]) {
      const exchange = operation[MARK];
      if (!exchange) continue;
      Reflect.deleteProperty(operation, MARK);
      add(operation.requestBody, mediaTypes('decode', exchange));
      const answer = operation.responses?.['200'];
      add(answer, mediaTypes('encode', exchange));
      if (answer) answer.headers = TENSOR_HEADERS;
    }
  }
  return document;
}

function add(body: Content | undefined, types: readonly string[]): void {
  if (!body) return;
  const others = types.filter((type) => !body.content?.[type]).map((type) => [type, { schema: SCHEMAS[type] ?? BYTES }] as const);
  body.content = { ...body.content, ...Object.fromEntries(others) };
}
