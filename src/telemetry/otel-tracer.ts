// Traces on OpenTelemetry's SDK, sent as OTLP; the one file that knows it, loaded only where there is a place to send them to.
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Context,
  type Link,
  type Span,
  type TextMapGetter,
  type Tracer as SpanFactory,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler } from '@opentelemetry/sdk-trace-base';
import { reasonOf } from '../errors.js';
import type { BatchRun } from './timeline.js';
import { Tracer, type Attributes, type Carrier, type Trace } from './tracer.js';

/** How long the process waits for spans to leave when it ends. */
const FLUSH_MS = 2000;

/** From this far on the clocks have parted: a machine that slept, a clock that was set. */
const SKEW_MS = 1000;

/**
 * Share of the requests that get a trace of their own where `parentbased_traceidratio` says it, as the SDK reads its argument; otherwise
 * undefined. Trace ids are random, so that dice say the same as a part of the id; the SDK makes an id, a context and a span first, which
 * took 5 % of the event loop that a small request takes.
 */
function shareOfRoots({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG = '' }: NodeJS.ProcessEnv): number | undefined {
  if (OTEL_TRACES_SAMPLER !== 'parentbased_traceidratio') return undefined;
  const share = OTEL_TRACES_SAMPLER_ARG.trim() === '' ? 1 : Number(OTEL_TRACES_SAMPLER_ARG);
  return share >= 0 && share <= 1 ? share : 1;
}

const HEADERS: TextMapGetter<Carrier> = { get: (carrier, name) => carrier[name], keys: (carrier) => Object.keys(carrier) };

export class OtelTracer extends Tracer {
  readonly enabled = true;
  readonly #provider: BasicTracerProvider;
  readonly #spans: SpanFactory;
  readonly #share = shareOfRoots(process.env);
  readonly #propagator = new W3CTraceContextPropagator();
  /** Of the wall clock, added to points of `performance.now()`. */
  #origin = performance.timeOrigin;

  /**
   * The endpoint, the sampler, limits and names come from the environment, as OpenTelemetry has it.
   * @param onError told why spans were lost.
   */
  constructor(onError: (reason: string) => void, version: string) {
    super();
    setGlobalErrorHandler((error) => {
      onError(reasonOf(error));
    });
    const own = resourceFromAttributes({ 'service.name': 'nestor', 'service.version': version });
    this.#provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(own)
        .merge(detectResources({ detectors: [envDetector] })),
      ...(this.#share !== undefined && { sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }) }),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    this.#spans = this.#provider.getTracer('nestor', version);
  }

  begin(name: string, carrier: Carrier, from: number): Trace | undefined {
    const parent = this.#parentOf(carrier);
    if (parent === ROOT_CONTEXT && this.#share !== undefined && Math.random() >= this.#share) return undefined;
    const origin = Date.now() - performance.now();
    if (Math.abs(origin - this.#origin) > SKEW_MS) this.#origin = origin;
    const span = this.#spans.startSpan(name, { kind: SpanKind.SERVER, startTime: from + this.#origin }, parent);
    return span.isRecording() ? new OtelTrace(span, this.#spans, this.#origin) : undefined;
  }

  /** The root where the client traces nothing, or what it says of its trace is none. */
  #parentOf(carrier: Carrier): Context {
    return carrier.traceparent === undefined ? ROOT_CONTEXT : this.#propagator.extract(ROOT_CONTEXT, carrier, HEADERS);
  }

  async close(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
  }
}

class OtelTrace implements Trace {
  readonly id: string;
  readonly spanId: string;
  readonly #context: Context;

  constructor(
    private readonly span: Span,
    private readonly spans: SpanFactory,
    private readonly origin: number,
  ) {
    ({ traceId: this.id, spanId: this.spanId } = span.spanContext());
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  station(name: string, from: number, to: number, attributes: Attributes = {}, links: Link[] = [], failed = false): Span {
    const span = this.spans.startSpan(name, { startTime: from + this.origin, attributes, links }, this.#context);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(to + this.origin);
    return span;
  }

  batch(run: BatchRun, members: readonly Trace[]): void {
    const { departedAt, returnedAt, failure } = run;
    const span = this.station('batch', departedAt, returnedAt, attributesOf(run), members.map(linkTo), failure !== undefined);
    const { traceId: id, spanId } = span.spanContext();
    for (const member of members) member.joined({ id, spanId }, run);
  }

  joined(batch: Pick<Trace, 'id' | 'spanId'>, run: BatchRun): void {
    const { departedAt, returnedAt, seconds, failure } = run;
    const link = linkTo(batch);
    this.span.addLink(link);
    // Of one that failed nobody knows when it began inside the worker.
    const from = failure === undefined ? returnedAt - seconds * 1000 : departedAt;
    this.station('inference', from, returnedAt, attributesOf(run), [link], failure !== undefined);
  }

  end(to: number, attributes: Attributes, failed: boolean): void {
    this.span.setAttributes(attributes);
    if (failed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end(to + this.origin);
  }
}

function linkTo({ id, spanId }: Pick<Trace, 'id' | 'spanId'>): Link {
  return { context: { traceId: id, spanId, traceFlags: TraceFlags.SAMPLED } };
}

function attributesOf({ model, version, rows, requests, items, tokens, paddingRatio, failure }: BatchRun): Attributes {
  return {
    'nestor.model': model,
    'nestor.version': version,
    'nestor.batch.rows': rows,
    'nestor.batch.requests': requests,
    'nestor.batch.items': items,
    'nestor.batch.tokens': tokens,
    'nestor.batch.padding_ratio': paddingRatio,
    ...(failure !== undefined && { 'error.type': failure }),
  };
}
