// multipart/form-data: several pictures, one a part.
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
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
  refuseCrowds(bytes, headers['content-type']);
  return new Promise((resolve, reject) => {
    const refuse = (field: string, message: string): void => {
      reject(invalid(field, message));
    };
    try {
      const form = new Busboy({
        headers: headers as BusboyHeaders,
        limits: { files: MOST_PICTURES, fields: 0, headerPairs: 64, headerSize: 16_384 },
      });
      const pictures: Buffer[] = [];
      form.on('file', (field, file) => {
        const chunks: Buffer[] = [];
        const index = pictures.push(Buffer.alloc(0)) - 1;
        file.on('data', (chunk: Buffer) => chunks.push(chunk));
        file.on('end', () => (pictures[index] = Buffer.concat(chunks)));
        file.on('error', () => {
          refuse(field.slice(0, 64), 'The part is cut off');
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

/** Busboy makes streams of every part, those over its limits too, in one turn: 32 MiB of empty parts took more memory than there is. */
function refuseCrowds(bytes: Buffer, contentType = ''): void {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  const boundary = Buffer.from(`--${quoted ?? plain ?? ''}`, 'latin1');
  let parts = 0;
  for (let at = bytes.indexOf(boundary); at >= 0; at = bytes.indexOf(boundary, at + boundary.length)) {
    // Where the last one begins, and the end.
    if (++parts > MOST_PICTURES + 1) throw invalid('body', `The form has more than ${MOST_PICTURES} files`);
  }
}
