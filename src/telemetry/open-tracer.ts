// Decides at boot whether there are traces.
import { Logger } from '@nestjs/common';
import type { Environment } from '../config/environment.js';
import { VERSION } from '../config/version.js';
import { NoTracer, type Tracer } from './tracer.js';

/** A collector that is away for an hour is not worth more lines than this in it. */
const COMPLAIN_EVERY_MS = 60_000;

export async function openTracer(environment: Environment): Promise<Tracer> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_SDK_DISABLED } = environment;
  const endpoint = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || OTEL_TRACES_EXPORTER === 'none' || OTEL_SDK_DISABLED) return new NoTracer();
  const { OtelTracer } = await import('./otel-tracer.js');
  return new OtelTracer(complaint(), VERSION);
}

function complaint(): (reason: string) => void {
  const logger = new Logger('Traces');
  let last = -Infinity;
  return (reason) => {
    if (performance.now() - last < COMPLAIN_EVERY_MS) return;
    last = performance.now();
    logger.warn(`Spans could not be sent: ${reason.slice(0, 300)}`);
  };
}
