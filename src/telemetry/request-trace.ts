// The span of a request that has its answer, and those of the stations at the door.
import { modelOf, type ServedRequest } from './request-log.js';
import type { Attributes, Trace } from './tracer.js';

/**
 * Made afterwards, of the times that are taken anyway.
 * @param protocol what else describes it, in the names of OpenTelemetry's semantic conventions.
 */
export function endTrace(trace: Trace, request: ServedRequest, protocol: Attributes, failed: boolean): void {
  const { id, timings, timeline, failure, startedAt, totalMs } = request;
  const end = startedAt + totalMs;
  if (timings?.cache) {
    const asked = timeline?.decodedAt ?? startedAt;
    trace.station('cache', asked, asked + timings.cache * 1000);
  }
  if (timeline) {
    const { decodedAt, enqueuedAt, settledAt } = timeline;
    trace.station('decode', startedAt, decodedAt);
    const preprocessMs = (timings?.preprocess ?? 0) * 1000;
    if (enqueuedAt !== undefined && preprocessMs > 0) trace.station('preprocess', enqueuedAt - preprocessMs, enqueuedAt);
    if (settledAt !== undefined && !failure) trace.station('encode', settledAt, end);
  }
  const { model, version } = modelOf(request);
  const attributes = {
    ...protocol,
    'nestor.request.id': id,
    ...(model !== undefined && { 'nestor.model': model, 'nestor.version': version ?? '' }),
    ...(failure && { 'error.type': failure }),
  };
  trace.end(end, attributes, failed);
}
