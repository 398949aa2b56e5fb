// Calls that wait for their client too long are ended, those that have ended are left alone, and a large answer waits for its reader.
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { status, type ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { BodyRoom } from '../access/body-room.js';
import type { Environment } from '../config/environment.js';
import { Arrivals } from './arrivals.js';
import { FrameDecoder } from './frame-decoder.js';
import { observeCalls, type Observers } from './observed-call.js';

const SECONDS = 10;
const room = new BodyRoom({ BODIES_LIMIT_BYTES: 1000, BODY_LIMIT_BYTES: 1000 } as Environment);
let arrivals: Arrivals;

beforeEach(() => {
  jest.useFakeTimers();
  arrivals = new Arrivals(SECONDS, room);
  arrivals.watch();
});

afterEach(() => {
  arrivals.close();
  jest.useRealTimers();
});

/** A call whose client reads nothing. */
function unread() {
  const close = jest.fn();
  const stream = Object.assign(new PassThrough(), { close });
  const nothing = (): void => undefined;
  const call = { stream, close, start: nothing, sendStatus: nothing, sendMetadata: nothing, sendMessage: nothing };
  return call as typeof call & ServerInterceptingCall;
}

function observed(call: ServerInterceptingCall, responseStream: boolean, others: Partial<Observers> = {}): ServerInterceptingCall {
  const method = { path: '/of/Method', requestStream: false, responseStream } as Parameters<ServerInterceptor>[0];
  return observeCalls({ arrivals, tenantKey: '', ...others } as Observers, 1000)(method, call);
}

it('an answer that nobody reads does not wait for longer than its client has, though its status is still to come', () => {
  const call = unread();
  observed(call, false).sendMessage({}, () => {
    throw new Error('it has left');
  });
  jest.advanceTimersByTime(SECONDS * 2000);
  expect(call.close).toHaveBeenCalled();
});

it('a message comes in place, whatever its method and whoever calls', () => {
  const call = Object.assign(unread(), { decoder: undefined });
  observed(call, false);
  expect(call.decoder).toBeInstanceOf(FrameDecoder);
});

it('a stream of answers goes on for as long as it likes', () => {
  const call = unread();
  observed(call, true).sendMessage({}, () => undefined);
  jest.advanceTimersByTime(SECONDS * 2000);
  expect(call.close).not.toHaveBeenCalled();
});

it('a call whose client leaves while its answer is on the way was cancelled, and is no fault of the server', () => {
  const call = unread();
  const record = jest.fn();
  const metrics = { requestDuration: { labels: () => ({ observe: record }) }, rejected: { labels: () => ({ inc: record }) } };
  const listening = jest.spyOn(call, 'start');
  observed(call, false, { metrics, log: { record } } as unknown as Partial<Observers>).start({ onCancel: () => undefined } as never);
  call.stream.destroy();
  call.sendStatus({ code: status.INTERNAL, details: 'Internal server error' });
  listening.mock.lastCall?.[0].onCancel();
  expect(record).toHaveBeenCalledWith(expect.objectContaining({ status: status.CANCELLED, failure: 'CANCELLED' }));
});

it('a call that has ended is not waited for, whatever is still said about it', () => {
  const call = unread();
  arrivals.expectReader(call);
  call.stream.destroy();
  arrivals.done(call);
  arrivals.expectReader(call);
  jest.advanceTimersByTime(SECONDS * 2000);
  expect(call.close).not.toHaveBeenCalled();
});
