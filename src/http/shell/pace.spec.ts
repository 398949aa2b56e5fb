// Who is too slow, by what a socket tells: with a clock of the test.
import { describe, expect, it } from '@jest/globals';
import { assert, integer, property } from 'fast-check';
import { Pace } from './pace.js';

const LEAST = { seconds: 10, rate: 100 };
const REQUEST = {};

function watched() {
  const socket = { bytesRead: 0, bytesWritten: 0, writableLength: 0, _handle: { writeQueueSize: 0 } };
  return { socket, pace: new Pace(socket) };
}

describe('a client that sends its body', () => {
  it('is slow once it sent less than the least in the time', () => {
    const { socket, pace } = watched();
    expect(pace.slow(0, REQUEST, LEAST)).toBeUndefined();
    socket.bytesRead = 999;
    expect(pace.slow(9_999, REQUEST, LEAST)).toBeUndefined();
    expect(pace.slow(10_000, REQUEST, LEAST)).toBe('sender');
  });

  it('is never slow at the least pace, however often one looks', () => {
    assert(
      property(integer({ min: 100, max: 100_000 }), integer({ min: 50, max: 10_000 }), (rate, everyMs) => {
        const { socket, pace } = watched();
        for (let now = 0; now < 100_000; now += everyMs) {
          socket.bytesRead = Math.ceil((rate * now) / 1000);
          expect(pace.slow(now, REQUEST, LEAST)).toBeUndefined();
        }
      }),
    );
  });

  it('is not judged by the body before, nor by a time in which the server stood still', () => {
    const { pace } = watched();
    pace.slow(0, REQUEST, LEAST);
    expect(pace.slow(10_000, {}, LEAST)).toBeUndefined();
    const { pace: other } = watched();
    other.slow(0, REQUEST, LEAST);
    expect(other.slow(60_000, REQUEST, LEAST, true)).toBeUndefined();
    expect(other.slow(70_000, REQUEST, LEAST)).toBe('sender');
  });
});

describe('a client that reads its answer', () => {
  it('is slow once nothing of it left in the time', () => {
    const { socket, pace } = watched();
    Object.assign(socket, { bytesWritten: 1e6, writableLength: 1e6, _handle: { writeQueueSize: 8e5 } });
    expect(pace.slow(0, undefined, LEAST)).toBeUndefined();
    socket._handle.writeQueueSize -= 999;
    expect(pace.slow(10_000, undefined, LEAST)).toBe('reader');
  });

  it('is not while one write goes on, or another has begun', () => {
    const { socket, pace } = watched();
    Object.assign(socket, { bytesWritten: 1e6, writableLength: 1e6, _handle: { writeQueueSize: 8e5 } });
    pace.slow(0, undefined, LEAST);
    socket._handle.writeQueueSize -= 1000;
    expect(pace.slow(10_000, undefined, LEAST)).toBeUndefined();
    Object.assign(socket, { bytesWritten: 2e6, _handle: { writeQueueSize: 9e5 } });
    expect(pace.slow(20_000, undefined, LEAST)).toBeUndefined();
  });

  it('is not while it waits for its answer', () => {
    const { pace } = watched();
    for (let now = 0; now < 100_000; now += 1000) expect(pace.slow(now, undefined, LEAST)).toBeUndefined();
  });
});
