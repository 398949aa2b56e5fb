// multipart/form-data: several pictures, one a part.
import { Busboy } from '@fastify/busboy';
import { invalid, reasonOf } from '../../errors.js';
import type { Codec, Incoming } from './codec.js';
import { requirePictures } from './image.codec.js';

const MOST_PICTURES = 1024;

// Busboy itself and not @fastify/multipart around it, which reads the socket: past Content-Encoding, and past this registry.
export const multipartCodec: Codec = {
  mediaTypes: ['multipart/form-data'],

  decodePrediction: async (incoming, model) => {
    requirePictures(model);
    const images = await picturesOf(incoming);
    if (images.length === 0) throw invalid('body', 'The form has no file; send one part a picture, with a filename');
    return { input: { kind: 'images', images }, byInstance: true };
  },
};

function picturesOf({ bytes, headers }: Incoming): Promise<Buffer[]> {
  const boundary = boundaryOf(headers['content-type']);
  refuseCrowds(bytes, boundary);
  return new Promise((resolve, reject) => {
    const refuse = (field: string, message: string): void => {
      reject(invalid(field, message));
    };
    try {
      const form = new Busboy({
        headers: { ...headers, 'content-type': `multipart/form-data; boundary="${boundary}"` },
        limits: { files: MOST_PICTURES, fields: 0, headerPairs: 64, headerSize: 16_384 },
      });
      const pictures: Buffer[] = [];
      form.on('file', (_name, file) => {
        const chunks: Buffer[] = [];
        const index = pictures.push(Buffer.alloc(0)) - 1;
        file.on('data', (chunk: Buffer) => chunks.push(chunk));
        file.on('end', () => (pictures[index] = Buffer.concat(chunks)));
        file.on('error', () => {
          refuse('body', 'A part of the form is cut off');
        });
      });
      form.on('filesLimit', () => {
        refuse('body', `The form has more than ${MOST_PICTURES} files`);
      });
      form.on('fieldsLimit', () => {
        refuse('body', 'The form has a part that is no file; send pictures only, each with a filename');
      });
      form.on('error', (error) => {
        refuse('body', `The body is no multipart form: ${reasonOf(error).slice(0, 120)}`);
      });
      form.on('finish', () => {
        resolve(pictures);
      });
      form.end(bytes);
    } catch (thrown) {
      refuse('Content-Type', `The body is no multipart form: ${reasonOf(thrown).slice(0, 120)}`);
    }
  });
}

/** RFC 2046, section 5.1.1. */
const BOUNDARY = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+,./:=?-]{1,70}))\s*(?:;|$)/i;

/**
 * Busboy is told this one, and not what the client wrote: where the two read it differently, parts were counted by one boundary and made by
 * another.
 * @throws NestorError INVALID_REQUEST
 */
function boundaryOf(contentType = ''): string {
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw invalid('Content-Type', 'The body is no multipart form: its Content-Type has no boundary');
  return boundary;
}

/** Busboy makes streams of every part, those over its limits too, in one turn: 32 MiB of empty parts took more memory than there is. */
function refuseCrowds(bytes: Buffer, boundary: string): void {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  let parts = 0;
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + delimiter.length)) {
    // Where the last one begins, and the end.
    if (++parts > MOST_PICTURES + 1) throw invalid('body', `The form has more than ${MOST_PICTURES} files`);
  }
}
