// Calls of many messages, each of which has an answer: the next message waits until the answer to the last one has left.
import type { ServerInterceptingCall } from '@grpc/grpc-js';

type OnMessage = (message: unknown, proceed: (message: unknown) => void) => void;

/**
 * Over its method: the handler of server reflection writes without asking whether there is room, and of a client that reads nothing every
 * answer would wait in memory. While a message is held nothing more is read of the stream, and what is sent waits at the client.
 */
export function answerInTurn(call: Pick<ServerInterceptingCall, 'sendMessage'>): OnMessage {
  let answering = false;
  /** The library asks for no other before it has gone on with this one. */
  let held: (() => void) | undefined;
  const send = call.sendMessage.bind(call);
  const sendMessage: typeof call.sendMessage = (message: unknown, sent) => {
    send(message, () => {
      sent();
      answering = held !== undefined;
      const proceed = held;
      held = undefined;
      proceed?.();
    });
  };
  call.sendMessage = sendMessage;
  return (message, proceed) => {
    if (answering) {
      held = () => {
        proceed(message);
      };
      return;
    }
    answering = true;
    proceed(message);
  };
}
