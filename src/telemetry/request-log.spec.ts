// The line of a request: at which level it goes out, and what it says.
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { RequestLog, type ServedRequest } from './request-log.js';
import { Timeline } from './timeline.js';

const SERVED: ServedRequest = {
  id: 'a1',
  method: 'POST',
  route: '/v1/models/:model/predict',
  status: 200,
  failure: null,
  model: 'digits',
  version: undefined,
  contentLength: '10',
  startedAt: 1000,
  totalMs: 12.34567,
  timings: { cache: 0, preprocess: 0, queue: 0.001, inference: 0.01 },
  timeline: null,
  traceId: undefined,
};

type Line = Readonly<Record<string, unknown>>;

function lineOf(served: Partial<ServedRequest>, { level = 'trace', slowMs = 1000 } = {}): Line | undefined {
  const lines: string[] = [];
  new RequestLog(pino({ level, base: null, timestamp: false }, { write: (line) => void lines.push(line) }), slowMs).record({
    ...SERVED,
    ...served,
  });
  expect(lines.length).toBeLessThan(2);
  return lines[0] === undefined ? undefined : (JSON.parse(lines[0]) as Line);
}

describe('the line of a request', () => {
  it('is information, with what is known and nothing else', () => {
    expect(lineOf({})).toEqual({
      level: 30,
      msg: 'request',
      requestId: 'a1',
      method: 'POST',
      route: '/v1/models/:model/predict',
      status: 200,
      model: 'digits',
      totalMs: 12.346,
      cacheMs: 0,
      preprocessMs: 0,
      queueMs: 1,
      inferenceMs: 10,
    });
  });

  it.each<[string, Partial<ServedRequest>, number]>([
    ['a probe that says yes', { route: '/health/ready' }, 20],
    ['a probe that says no', { route: '/health/ready', status: 503 }, 30],
    ['a scrape', { route: '/metrics' }, 20],
    ['a refusal', { status: 404, failure: 'MODEL_NOT_FOUND' }, 30],
    ['one as slow as can be', { totalMs: 1000 }, 40],
  ])('of %s has its level', (_, served, level) => {
    expect(lineOf(served)?.level).toBe(level);
  });

  it('is not written where nobody wants it, but an explanation is', () => {
    expect(lineOf({}, { level: 'warn' })).toBe(undefined);
    expect(lineOf({ totalMs: 5000 }, { level: 'warn' })).toMatchObject({ msg: 'slow request' });
    expect(lineOf({ totalMs: 5000 }, { level: 'warn', slowMs: 0 })).toBe(undefined);
  });

  it('names the model that served instead of the one that was asked for, and cuts names that are none', () => {
    const timeline = new Timeline(0);
    timeline.enqueued(1, 0, { model: 'digits', version: '3' });
    expect(lineOf({ timeline, model: 'x' })).toMatchObject({ model: 'digits', version: '3' });
    expect(lineOf({ model: 'x'.repeat(4000) })?.model).toHaveLength(128);
  });

  it('explains a slow request by stations that are together all of it, whenever its line is written', () => {
    const timeline = new Timeline(1010);
    timeline.enqueued(1030, 0, { model: 'digits', version: '1' });
    timeline.departed(1130);
    timeline.settled(1930);
    const stations = { decodeMs: 10, beforeQueueMs: 20, queueMs: 100, afterQueueMs: 800, encodeMs: 70 };
    expect(lineOf({ totalMs: 1000, timeline })).toMatchObject({ totalMs: 1000, ...stations });
  });

  it('explains no station that a slow request did not reach', () => {
    const refused = lineOf({
      totalMs: 2000,
      timings: null,
      timeline: new Timeline(performance.now()),
      status: 400,
      failure: 'INVALID_REQUEST',
    });
    expect(refused).toMatchObject({ decodeMs: expect.any(Number), bodyBytes: 10, code: 'INVALID_REQUEST' });
    for (const name of ['queueMs', 'queuedRows', 'afterQueueMs', 'inferenceMs', 'batchRows', 'encodeMs'])
      expect(refused).not.toHaveProperty(name);
  });
});
