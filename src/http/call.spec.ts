// The circumstances of a call: its deadline, its urgency, and a client that may hang up.
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Call } from '../inference/prediction.js';
import { callOf } from './call.js';

/** The part of a response that a call listens to. */
class Response extends EventEmitter {
  writableFinished = false;
}

function call(headers: Readonly<Record<string, string | string[]>>, raw = new Response(), elapsedTime = 0): Call {
  return callOf({ headers } as unknown as FastifyRequest, { raw, elapsedTime } as unknown as FastifyReply);
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('Request-Timeout', () => {
  it.each([
    ['2', 2000],
    ['0.25', 250],
    ['3600', 3_600_000],
  ])('%s is a deadline in %i ms', (text, ms) => {
    expect(call({ 'request-timeout': text }).deadline).toBe(performance.now() + ms);
  });

  it('counts from when the request came, whatever was waited for since', () => {
    expect(call({ 'request-timeout': '2' }, new Response(), 500).deadline).toBe(performance.now() + 1500);
  });

  it.each(['0', '-1', '3601', 'soon', '', 'NaN', 'Infinity', '1,5'])('%j is refused by name', (text) => {
    expect(() => call({ 'request-timeout': text })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', field: 'Request-Timeout', message: expect.stringContaining('3600') }),
    );
  });
});

describe('Priority', () => {
  it.each([
    ['u=0', 0],
    ['u=7', 7],
    ['i, u=5', 5],
    ['u=1,i', 1],
    ['i', undefined],
    ['', undefined],
    ['menu=4', undefined],
  ])('%j is the urgency %p', (text, urgency) => {
    expect(call({ priority: text }).urgency).toBe(urgency);
  });

  it.each(['u=8', 'u=33', 'u=-1', 'u=2.5', 'u=x'])('%j is ignored, as RFC 9218 asks', (text) => {
    expect(call({ priority: text }).urgency).toBeUndefined();
  });
});

describe('a call', () => {
  it('has neither deadline nor urgency by default, and is not aborted', () => {
    const { deadline, urgency, signal } = call({});
    expect([deadline, urgency, signal?.aborted]).toEqual([undefined, undefined, false]);
  });

  it('is aborted when the client hangs up before it has its answer', () => {
    const raw = new Response();
    const { signal } = call({}, raw);
    raw.emit('close');
    expect(signal?.aborted).toBe(true);
  });

  it('is not when the connection ends after the answer', () => {
    const raw = new Response();
    const { signal } = call({}, raw);
    raw.writableFinished = true;
    raw.emit('close');
    expect(signal?.aborted).toBe(false);
  });

  it('listens to its own reply, and leaves nothing behind on the connection, which serves many', () => {
    const raw = Object.assign(new Response(), { socket: new EventEmitter() });
    call({}, raw);
    expect([raw.listenerCount('close'), raw.socket.eventNames()]).toEqual([1, []]);
  });
});
