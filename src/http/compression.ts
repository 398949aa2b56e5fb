// Accept-Encoding: answers compressed for who asks for it, where it is worth the work.
import { pipeline, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { codingName, CODINGS, isCoding, type CodingName } from './content-encoding.js';
import { addVary } from './vary.js';

/** A body that fits a packet arrives no sooner for being smaller. */
const SMALLEST = 1024;
const TEXT = /json|text|javascript|xml/;

interface Wish {
  readonly name: string;
  readonly q: number;
}

/**
 * The coding for an answer. Floats hardly shrink and HTTP libraries ask for compression without being told to, so that a tensor is
 * compressed only for who names a single coding.
 * @param protocol whether the answer is one of the Open Inference Protocol: Triton's client over aiohttp lets it ask so, and does not decompress.
 */
export function codingFor(acceptEncoding: string | undefined, contentType: string, protocol = false): CodingName | undefined {
  const wishes = (acceptEncoding ?? '')
    .split(',', 32)
    .map(wishOf)
    .filter(({ name }) => name !== '');
  if ((protocol || !TEXT.test(contentType)) && wishes.length !== 1) return undefined;
  const quality = (name: string): number => (wishes.find((wish) => wish.name === name) ?? wishes.find((wish) => wish.name === '*'))?.q ?? 0;
  const [best] = Object.keys(CODINGS)
    .filter(isCoding)
    .map((name) => ({ name, q: quality(name) }))
    .sort((a, b) => b.q - a.q);
  // Said by name only: whoever lists codings without it has no wish to be spared them.
  const identity = wishes.find(({ name }) => name === 'identity')?.q ?? 0;
  return best && best.q > 0 && best.q >= identity ? best.name : undefined;
}

function wishOf(text: string): Wish {
  const [name = '', parameter = ''] = text.split(';', 2);
  const weight = parameter.trim().toLowerCase();
  const q = weight.startsWith('q=') ? Number(weight.slice(2)) : 1;
  return { name: codingName(name), q: q >= 0 && q <= 1 ? q : 0 };
}

export function addCompression(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const asked = request.headers['accept-encoding'];
    // Most ask for none: they are spared a promise.
    if (typeof asked !== 'string' || request.method === 'HEAD' || reply.hasHeader('Content-Encoding')) done(null, payload);
    else
      compressed(asked, reply, payload).then((body) => {
        done(null, body);
      }, done);
  });
}

async function compressed(asked: string, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const coding = codingFor(asked, String(reply.getHeader('Content-Type') ?? ''), reply.request.url.startsWith('/v2'));
  if (!coding) return payload;
  const stream = payload instanceof Readable;
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  if (!stream && (!(body instanceof Uint8Array) || body.byteLength < SMALLEST)) return payload;
  addVary(reply, 'Accept-Encoding');
  const short = stream ? undefined : await CODINGS[coding].compress(body as Uint8Array);
  void reply.removeHeader('Content-Length').header('Content-Encoding', coding);
  if (!stream) return short;
  // What is said in its place is not compressed.
  payload.once('error', () => void reply.removeHeader('Content-Encoding'));
  // Whichever of the two fails or is abandoned takes the other with it; Fastify sees the end of the compressor.
  return pipeline(payload, CODINGS[coding].compressor(), () => undefined);
}
