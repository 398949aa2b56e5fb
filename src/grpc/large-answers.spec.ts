// Large answers leave as the bytes that the library would have sent, small ones by the library itself.
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, it } from '@jest/globals';
import { FrameDecoder } from './frame-decoder.js';
import { ModelInferResponseSchema, ServerLiveResponseSchema } from './inference_pb.js';
import { sendLargeAsIs } from './large-answers.js';

const answer = (...bytes: number[]) =>
  create(ModelInferResponseSchema, {
    modelName: 'm',
    outputs: bytes.map((_, index) => ({ name: `y${index}`, datatype: 'UINT8', shape: [1n] })),
    rawOutputContents: bytes.map((count) => new Uint8Array(count).fill(count)),
  });

function calling() {
  const byTheLibrary: unknown[] = [];
  const stream = new PassThrough();
  const call = { stream, sendMessage: (message: unknown, sent: () => void) => void byTheLibrary.push(message, sent) };
  sendLargeAsIs(call);
  return { call, stream, byTheLibrary };
}

it('a large answer is one frame of the same bytes, and is sent once they are on their way', async () => {
  const { call, stream, byTheLibrary } = calling();
  const message = answer(70_000, 3, 50_000);
  await new Promise<void>((sent) => {
    stream.resume();
    call.sendMessage(message, sent);
  });
  const again = calling();
  again.call.sendMessage(message, () => again.stream.end());
  const [frame = Buffer.alloc(0), ...others] = new FrameDecoder(Infinity).write(await buffer(again.stream));
  expect(Buffer.from(toBinary(ModelInferResponseSchema, message)).equals(frame.subarray(5))).toBe(true);
  expect([frame[0], others, byTheLibrary]).toEqual([0, [], []]);
});

it('small answers, and those of other methods, are the business of the library', () => {
  const { call, byTheLibrary } = calling();
  const sent = (): void => undefined;
  const others = [answer(100), create(ServerLiveResponseSchema, { live: true })];
  for (const message of others) call.sendMessage(message, sent);
  expect(byTheLibrary).toEqual(others.flatMap((message) => [message, sent]));
});

it('nothing is sent to who has left', () => {
  const { call, stream, byTheLibrary } = calling();
  stream.destroy();
  call.sendMessage(answer(70_000), () => {
    throw new Error('it was not sent');
  });
  expect(byTheLibrary).toEqual([]);
});
