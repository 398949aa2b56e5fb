// Messages out of the bytes of a stream.
import { releaseBlock, takeBlock } from '../oip/block.js';

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a byte that says whether it is compressed, and its length. */
export const HEAD_BYTES = 5;
/** So much of a message has come before memory is taken for all of it: to announce one costs a client nothing. */
const EARNEST = 1 / 16;

/** A call of the library joins the pieces of a message once the last is there, and has no word for another way. @param limit bytes of a message. */
export function decodeInPlace(call: object, limit: number): void {
  if ('decoder' in call) call.decoder = new FrameDecoder(limit);
}

/** In place of the library's: each piece is copied to its place as it comes. Kept until the end, pieces of one byte take a hundred times as much. */
export class FrameDecoder {
  /** Of a frame; what came of it, and room for more. */
  #block: Buffer = Buffer.allocUnsafe(HEAD_BYTES);
  #received = 0;
  /** With its head; undefined until that is there. */
  #size: number | undefined;

  /** @param limit bytes of a message. */
  constructor(private readonly limit: number) {}

  /** The frames, heads included, that end with these bytes. @throws Error for one that is larger than the limit. */
  write(data: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let rest = data;
    while (rest.length > 0) {
      const piece = rest.subarray(0, (this.#size ?? HEAD_BYTES) - this.#received);
      rest = rest.subarray(piece.length);
      this.#add(piece);
      if (this.#received === HEAD_BYTES) this.#size ??= this.#announced();
      if (this.#received === this.#size) frames.push(this.#end());
    }
    return frames;
  }

  #add(piece: Buffer): void {
    const end = this.#received + piece.length;
    if (end > this.#block.length) this.#grow(end);
    piece.copy(this.#block, this.#received);
    this.#received = end;
  }

  #grow(least: number): void {
    const size = this.#size ?? least;
    const larger = takeBlock(least >= size * EARNEST ? size : 2 * least);
    this.#block.copy(larger, 0, 0, this.#received);
    releaseBlock(this.#block, []);
    this.#block = larger;
  }

  #announced(): number {
    const length = this.#block.readUInt32BE(1);
    if (length > this.limit) throw new Error(`the message is larger than ${this.limit} bytes`);
    return HEAD_BYTES + length;
  }

  #end(): Buffer {
    const frame = this.#block;
    this.#block = Buffer.allocUnsafe(HEAD_BYTES);
    this.#received = 0;
    this.#size = undefined;
    return frame;
  }
}
