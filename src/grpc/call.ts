// The circumstances of a call, from its deadline and its stream.
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { Cancellation } from '../cancellation.js';
import type { Call } from '../inference/prediction.js';
import { Timeline } from '../telemetry/timeline.js';
import { callRecords } from './call-record.js';

/** `grpc-timeout` is the deadline, and a client that cancels takes what it asked for out of the queue. */
export function callOf(call: ServerUnaryCall<unknown, unknown>): Call {
  const signal = new Cancellation();
  // The end of any call, in whatever way; then it changes nothing.
  call.once('cancelled', () => {
    signal.abort();
  });
  if (call.cancelled) signal.abort();
  const record = callRecords.get(call.metadata);
  const timeline = new Timeline(performance.now(), record?.trace);
  if (record) record.timeline = timeline;
  const { tenant } = record ?? {};
  // They were read from the message of this call, which is nobody else's.
  return { timeline, tenant, signal, ownsInput: true, deadline: deadlineOf(call) };
}

/** Point of `performance.now()`; undefined where the client set none. */
export function deadlineOf(call: ServerUnaryCall<unknown, unknown>): number | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? performance.now() + deadline - Date.now() : undefined;
}
