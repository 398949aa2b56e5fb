// Compressed messages: what comes out of them is counted piece by piece, as it is over HTTP.
import { createGunzip, createInflate } from 'node:zlib';
import { status, type ServerInterceptingCall } from '@grpc/grpc-js';
import { takeBlock } from '../oip/block.js';
import type { Arrivals } from './arrivals.js';
import { HEAD_BYTES } from './frame-decoder.js';

const DECOMPRESSORS = new Map([
  ['gzip', createGunzip],
  ['deflate', createInflate],
]);

type Call = Pick<ServerInterceptingCall, 'sendStatus'>;

/**
 * Over its method: the library's asks nobody for the memory that a message takes, up to a thousand times what was sent. Refuses in its words.
 * @param limit bytes of a message.
 */
export function decompressByPiece(call: Call, limit: number, arrivals: Pick<Arrivals, 'take'>): void {
  const { incomingEncoding = '' } = call as { incomingEncoding?: string };
  const decompressor = DECOMPRESSORS.get(incomingEncoding);
  if (!decompressor || !('decompressMessage' in call)) return;
  /** Never settles where the message is refused: the call has its status then. */
  const decompressed = (message: Buffer): Promise<Buffer> => {
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    const stream = decompressor();
    const pieces: Buffer[] = [];
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length <= limit && arrivals.take(call, piece.length)) {
        pieces.push(piece);
        return;
      }
      pieces.length = 0;
      stream.destroy();
      if (length > limit) call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: 'larger than' });
    });
    stream.once('error', () => {
      call.sendStatus({ code: status.INTERNAL, details: 'Failed to decompress message' });
    });
    stream.once('end', () => {
      resolve(joined(pieces, length));
    });
    stream.end(message);
    return promise;
  };
  // Some messages of the call may not be compressed.
  const decompress = (frame: Buffer, encoding: string): Buffer | Promise<Buffer> => {
    const message = frame.subarray(HEAD_BYTES);
    return encoding === 'identity' ? message : decompressed(message);
  };
  call.decompressMessage = decompress;
}

/** Its tensors lie aligned, as those of a message that was not compressed. */
function joined(pieces: readonly Buffer[], length: number): Buffer {
  const message = takeBlock(length);
  let offset = 0;
  for (const piece of pieces) offset += piece.copy(message, offset);
  return message;
}
