// What a scrape reads: the classic text, or OpenMetrics, which has exemplars, for who asks for it.
import { Registry, type Metric, type OpenMetricsContentType } from 'prom-client';

export interface Exposition {
  readonly type: string;
  readonly text: string;
}

/** @param accept the header of the scrape; Prometheus names OpenMetrics first, and without it stands the classic format. */
export async function exposition(registry: Registry, accept: string | undefined): Promise<Exposition> {
  if (wantsOpenMetrics(accept ?? '')) return { type: Registry.OPENMETRICS_CONTENT_TYPE, text: await openMetrics(registry) };
  return { type: Registry.PROMETHEUS_CONTENT_TYPE, text: await registry.metrics() };
}

function wantsOpenMetrics(accept: string): boolean {
  return accept
    .split(',', 32)
    .some((part) => part.trim().startsWith('application/openmetrics-text') && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(part));
}

async function openMetrics(registry: Registry): Promise<string> {
  const twin = new Registry<OpenMetricsContentType>();
  twin.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) twin.registerMetric(renamable(metric));
  // Bounds are floats in this format, `1.0`; prom-client prints them as JavaScript does.
  return (await twin.metrics()).replaceAll(/\ble="(\d+)"/g, 'le="$1.0"');
}

/** prom-client takes the suffix off the name of a counter, for good, where it prints this format. */
function renamable(metric: object): Metric {
  return ('type' in metric && metric.type === 'counter' ? Object.create(metric) : metric) as Metric;
}
