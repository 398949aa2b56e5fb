// Messages out of the bytes of a stream.
import { takeBlock } from '../oip/block.js';

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a byte that says whether it is compressed, and its length. */
export const HEAD_BYTES = 5;
/** So much of a message has come before memory is taken for all of it: to announce one costs a client nothing. */
const EARNEST = 1 / 16;

/** A call of the library joins the pieces of a message once the last is there, and has no word for another way. @param limit bytes of a message. */
export function decodeInPlace(call: object, limit: number): void {
  if ('decoder' in call) call.decoder = new FrameDecoder(limit);
}

/** In place of the library's: each piece goes to its place as it comes. */
export class FrameDecoder {
  /** What came of a frame, until there is memory for all of it. */
  #pieces: Buffer[] = [];
  #received = 0;
  /** With its head; undefined until that is there. */
  #size: number | undefined;
  #frame: Buffer | undefined;

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
    if (this.#frame) piece.copy(this.#frame, this.#received);
    else this.#pieces.push(piece);
    this.#received += piece.length;
    if (!this.#frame && this.#size !== undefined && this.#received >= this.#size * EARNEST) this.#frame = this.#gathered(this.#size);
  }

  #announced(): number {
    const length = Buffer.concat(this.#pieces).readUInt32BE(1);
    if (length > this.limit) throw new Error(`the message is larger than ${this.limit} bytes`);
    return HEAD_BYTES + length;
  }

  #gathered(size: number): Buffer {
    const frame = takeBlock(size);
    let offset = 0;
    for (const piece of this.#pieces) offset += piece.copy(frame, offset);
    this.#pieces = [];
    return frame;
  }

  #end(): Buffer {
    const frame = this.#frame ?? this.#gathered(this.#received);
    this.#frame = undefined;
    this.#pieces = [];
    this.#received = 0;
    this.#size = undefined;
    return frame;
  }
}
