// Messages and answers in turn, whatever the client does with the answers.
import { expect, it } from '@jest/globals';
import { answerInTurn } from './in-turn.js';

it('a message waits until the answer to the one before has left', () => {
  const sent: string[] = [];
  const leave: (() => void)[] = [];
  const call = {
    sendMessage: (message: string, done: () => void) => {
      sent.push(message);
      leave.push(done);
    },
  };
  const receive = answerInTurn(call);
  const answer = (message: unknown): void => {
    call.sendMessage(`re: ${String(message)}`, () => undefined);
  };
  receive('a', answer);
  receive('b', answer);
  expect(sent).toEqual(['re: a']);
  leave[0]?.();
  expect(sent).toEqual(['re: a', 're: b']);
  leave[1]?.();
  receive('c', answer);
  expect(sent).toEqual(['re: a', 're: b', 're: c']);
});
