// A request of text-embeddings-inference: its JSON against the DTO, its circumstances from the headers.
import type { Readable } from 'node:stream';
import type { PipeTransform } from '@nestjs/common';
import { NestorError } from '../../errors.js';
import type { Call } from '../../inference/prediction.js';
import { callOf } from '../call.js';
import { parseWhole } from '../codecs/json-text.js';
import { readMediaType } from '../codecs/media-type.js';
import { envelope } from '../envelope.js';
import { bytesOfBody, ExchangeParam, type Exchange } from '../exchange.js';
import { deliverComputed, type Computed } from './tei-answer.js';

export interface TeiRequest<T> {
  readonly body: T;
  readonly call: Call;
  /** Puts vectors on their way. */
  readonly answer: (computed: Computed) => string | Readable;
}

class TeiPipe<T extends object> implements PipeTransform<Exchange, Promise<TeiRequest<T>>> {
  constructor(private readonly dto: new () => T) {}

  async transform(exchange: Exchange): Promise<TeiRequest<T>> {
    const { request, reply } = exchange;
    const type = readMediaType(request.headers['content-type']);
    if (type !== '' && !/^application\/(\S+\+)?json$/.test(type))
      throw new NestorError('UNSUPPORTED_MEDIA_TYPE', `${type.slice(0, 100)} is not supported; send application/json`, {
        field: 'Content-Type',
      });
    // Fields that it does not know are passed over, as text-embeddings-inference does: its clients send some.
    const body = envelope(this.dto, await parseWhole(bytesOfBody(request)), 'lenient');
    return { body, call: callOf(request, reply), answer: (computed) => deliverComputed(exchange, computed) };
  }
}

/** The request that the exchange carries, with a body of this kind. */
export const Tei = (dto: new () => object): ParameterDecorator => ExchangeParam(new TeiPipe(dto));
