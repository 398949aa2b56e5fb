// All formats, and which of them a request is in and its answer goes out in. A new format is a line of the list.
import { NestorError } from '../../errors.js';
import { readAccept, readMediaType } from './media-type.js';
import type { Codec } from './codec.js';
import { imageCodec } from './image.codec.js';
import { jsonCodec } from './json.codec.js';
import { msgpackCodec } from './msgpack.codec.js';
import { multipartCodec } from './multipart.codec.js';
import { npyCodec } from './npy.codec.js';
import { octetStreamCodec } from './octet-stream.codec.js';
import { protobufCodec } from './protobuf.codec.js';

/** The first is what a body without Content-Type counts as, and what a client without a wish gets. */
const CODECS: readonly Codec[] = [jsonCodec, msgpackCodec, protobufCodec, octetStreamCodec, npyCodec, imageCodec, multipartCodec];

export type Exchange = 'Prediction' | 'Embeddings';
export type Decoder<E extends Exchange> = Codec & Required<Pick<Codec, `decode${E}`>>;
export type Encoder<E extends Exchange> = Codec & Required<Pick<Codec, `encode${E}`>>;

type Direction = 'decode' | 'encode';

function those<D extends Direction, E extends Exchange>(direction: D, exchange: E): (Codec & Required<Pick<Codec, `${D}${E}`>>)[] {
  return CODECS.filter((codec): codec is Codec & Required<Pick<Codec, `${D}${E}`>> => codec[`${direction}${exchange}`] !== undefined);
}

const DECODERS: { readonly [E in Exchange]: readonly Decoder<E>[] } = {
  Prediction: those('decode', 'Prediction'),
  Embeddings: those('decode', 'Embeddings'),
};
const ENCODERS: { readonly [E in Exchange]: readonly Encoder<E>[] } = {
  Prediction: those('encode', 'Prediction'),
  Embeddings: those('encode', 'Embeddings'),
};

/** The media types in which requests, or answers, of a route can be. */
export function mediaTypes(direction: Direction, exchange: Exchange): string[] {
  const codecs: readonly Codec[] = (direction === 'decode' ? DECODERS : ENCODERS)[exchange];
  return codecs.flatMap((codec) => (codec === imageCodec ? codec.mediaTypes : codec.mediaTypes.slice(0, 1)));
}

/**
 * The codec for a body of this Content-Type.
 * @throws NestorError UNSUPPORTED_MEDIA_TYPE
 */
export function decoderFor<E extends Exchange>(exchange: E, contentType: string | undefined): Decoder<E> {
  const known: readonly Decoder<E>[] = DECODERS[exchange];
  const [first] = known;
  if (first && contentType === first.mediaTypes[0]) return first;
  const type = readMediaType(contentType);
  const codec = type === '' ? first : known.find((candidate) => speaks(candidate, type));
  if (codec) return codec;
  const message = `${type.slice(0, 100)} is not supported; send ${mediaTypes('decode', exchange).join(', ')}`;
  throw new NestorError('UNSUPPORTED_MEDIA_TYPE', message, { field: 'Content-Type' });
}

/** By the codec of the request, for clients that accept anything: most of them, and rating all codecs takes 1 % of a small request. */
const INDIFFERENT: { readonly [E in Exchange]: Map<Codec, readonly Encoder<E>[]> } = { Prediction: new Map(), Embeddings: new Map() };

/**
 * The codecs that the client accepts, the dearest first. Among equals the format of the request goes first: who sends bytes and
 * accepts anything gets bytes.
 * @throws NestorError NOT_ACCEPTABLE
 */
export function encodersFor<E extends Exchange>(exchange: E, accept: string | undefined, request: Codec): readonly Encoder<E>[] {
  if (accept !== undefined && accept !== '*/*') return rated(exchange, accept, request);
  const known: Map<Codec, readonly Encoder<E>[]> = INDIFFERENT[exchange];
  let encoders = known.get(request);
  if (!encoders) known.set(request, (encoders = rated(exchange, accept, request)));
  return encoders;
}

function rated<E extends Exchange>(exchange: E, accept: string | undefined, request: Codec): readonly Encoder<E>[] {
  const quality = readAccept(accept);
  const all: readonly Encoder<E>[] = ENCODERS[exchange];
  const marked = all.map((codec) => ({ codec, q: quality(codec.mediaTypes) }));
  const own = ({ codec }: { codec: Codec }): number => Number(codec === request);
  const wanted = marked.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q || own(b) - own(a));
  if (wanted.length > 0) return wanted.map(({ codec }) => codec);
  const message = `The answer is ${mediaTypes('encode', exchange).join(', ')}; accept one of those`;
  throw new NestorError('NOT_ACCEPTABLE', message, { field: 'Accept' });
}

function speaks(codec: Codec, type: string): boolean {
  return codec.mediaTypes.includes(type) || (codec.suffix !== undefined && type.endsWith(codec.suffix));
}
