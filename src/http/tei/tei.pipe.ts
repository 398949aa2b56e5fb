// A request of text-embeddings-inference: its JSON against the DTO, its circumstances from the headers.
import type { PipeTransform } from '@nestjs/common';
import { NestorError } from '../../errors.js';
import type { Call } from '../../inference/prediction.js';
import { callOf } from '../call.js';
import { parseWhole } from '../codecs/json-text.js';
import { readMediaType } from '../codecs/media-type.js';
import { envelope } from '../envelope.js';
import { bytesOfBody, ExchangeParam, type Exchange } from '../exchange.js';

export interface TeiRequest<T> {
  readonly body: T;
  readonly call: Call;
}

class TeiPipe<T extends object> implements PipeTransform<Exchange, Promise<TeiRequest<T>>> {
  constructor(private readonly dto: new () => T) {}

  async transform({ request, reply }: Exchange): Promise<TeiRequest<T>> {
    const type = readMediaType(request.headers['content-type']);
    if (type !== '' && !/^application\/(\S+\+)?json$/.test(type))
      throw new NestorError('UNSUPPORTED_MEDIA_TYPE', `${type.slice(0, 100)} is not supported; send application/json`, {
        field: 'Content-Type',
      });
    // Fields that it does not know are passed over, as text-embeddings-inference does: its clients send some.
    return { body: envelope(this.dto, await parseWhole(bytesOfBody(request)), 'lenient'), call: callOf(request, reply) };
  }
}

/** The request that the exchange carries, with a body of this kind. */
export const Tei = (dto: new () => object): ParameterDecorator => ExchangeParam(new TeiPipe(dto));
