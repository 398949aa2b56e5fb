// Traces as the path sees them: a request that is traced has a Trace, all others have none.
import type { BatchRun } from './timeline.js';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Headers of HTTP or metadata of gRPC, by names in lower case: `traceparent`, `tracestate`. */
export type Carrier = Readonly<Record<string, string | string[] | undefined>>;

/** The spans of one request. All times are points of `performance.now()`. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Of the request's own span, 16 hexadecimal digits. */
  readonly spanId: string;
  /** A station that the request has passed. */
  station(name: string, from: number, to: number, attributes?: Attributes): void;
  /** The batch that carried it and others: one span, with links to all of them. */
  batch(run: BatchRun, members: readonly Trace[]): void;
  /** Its part in a batch that has a span: a link to it, and the inference. */
  joined(batch: Pick<Trace, 'id' | 'spanId'>, run: BatchRun): void;
  /** The answer is sent; nothing can be added. */
  end(to: number, attributes: Attributes, failed: boolean): void;
}

/** Begins traces. Without a place to send them to it is `NoTracer`, and nothing of OpenTelemetry is loaded. */
export abstract class Tracer {
  abstract readonly enabled: boolean;

  /** @returns nothing where the request is not sampled. */
  abstract begin(name: string, carrier: Carrier, from: number): Trace | undefined;

  /** Sends what is still here, within seconds. */
  abstract close(): Promise<void>;
}

export class NoTracer extends Tracer {
  readonly enabled = false;

  begin(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** https://www.w3.org/TR/trace-context/, of a trace that is sampled. */
export function traceparent({ id, spanId }: Pick<Trace, 'id' | 'spanId'>): string {
  return `00-${id}-${spanId}-01`;
}
