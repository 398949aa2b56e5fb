// A prediction -> the answer of the protocol: JSON, and behind it the bytes of those outputs that were asked for so.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Prediction } from '../../inference/prediction.js';
import type { Encoded } from '../codecs/codec.js';
import { valuesToJson } from '../codecs/json-tensors.js';
import { bytesOf } from '../codecs/raw-tensor.js';
import { deliver, MODEL_VERSION } from '../exchange.js';
import { HEADER_LENGTH } from './infer-body.js';
import type { InferRequest } from './infer.pipe.js';

export interface Inferred {
  readonly request: InferRequest;
  readonly prediction: Prediction;
}

@Injectable()
export class InferEncoder implements NestInterceptor<Inferred, Encoded['body']> {
  intercept(context: ExecutionContext, next: CallHandler<Inferred>): Observable<Encoded['body']> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map((inferred) => {
        http.getRequest<FastifyRequest>().timings = inferred.prediction.timings;
        const reply = http.getResponse<FastifyReply>().header(MODEL_VERSION, inferred.prediction.model.version);
        return deliver(reply, encodeInferred(inferred), 'application/json');
      }),
    );
  }
}

export function encodeInferred({ request: { id, isBinary }, prediction: { model, outputs } }: Inferred): Encoded {
  const blocks: Uint8Array[] = [];
  const tensors = outputs.map(({ name, datatype, shape, data }) => {
    if (!isBinary(name)) return { name, datatype, shape, data: valuesToJson(data, name, datatype) };
    const bytes = bytesOf(data);
    blocks.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  const head = { model_name: model.name, model_version: model.version, ...(id !== undefined && { id }), outputs: tensors };
  const json = JSON.stringify(head);
  if (blocks.length === 0) return { body: json };
  const text = Buffer.from(json);
  return {
    body: Buffer.concat([text, ...blocks]),
    type: 'application/octet-stream',
    headers: { [HEADER_LENGTH]: String(text.byteLength) },
  };
}
