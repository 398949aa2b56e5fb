// Answers with large tensors go out as they lie in memory.
import { isMessage } from '@bufbuild/protobuf';
import type { ServerInterceptingCall } from '@grpc/grpc-js';
import { HEAD_BYTES } from './frame-decoder.js';
import { ModelInferResponseSchema } from './inference_pb.js';
import { inPieces } from './message.js';
import { hasEnded, streamOf } from './stream.js';

const LARGE_BYTES = 64 * 1024;

const piecesOf = inPieces(ModelInferResponseSchema);

/** Over its method: the library joins a message and copies it behind its head, twice the bytes of all tensors in one turn. */
export function sendLargeAsIs(call: Pick<ServerInterceptingCall, 'sendMessage'>): void {
  const send = call.sendMessage.bind(call);
  const sendMessage: typeof call.sendMessage = (message: unknown, sent) => {
    const stream = streamOf(call);
    const pieces = isMessage(message, ModelInferResponseSchema) ? piecesOf(message) : [];
    const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (!stream || length < LARGE_BYTES) {
      send(message, sent);
      return;
    }
    if (hasEnded(call)) return;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(length, 1);
    stream.cork();
    stream.write(head);
    const last = pieces.pop();
    for (const piece of pieces) stream.write(piece);
    stream.write(last, (error) => {
      if (!error) sent();
    });
    stream.uncork();
  };
  call.sendMessage = sendMessage;
}
