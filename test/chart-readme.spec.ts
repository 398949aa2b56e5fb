// What pages say of the chart against the chart: its values, its queries, the commands that install it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { CHART, find, render } from './helm/chart.js';
import { VALUES } from './helm/values.js';
import { ROOT } from './setup/paths.js';
import { helm } from './setup/tools.js';

const binary = helm() ?? '';
const withHelm = binary ? describe : describe.skip;

const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
const keys = Object.entries(values).flatMap(([key, value]) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    ? Object.keys(value).map((inner) => `${key}.${inner}`)
    : [key],
);

it('the documentation of the chart has a row for every key', () => {
  expect(keys.filter((key) => !readme.includes(`| \`${key}\` |`) && !readme.includes(`| \`${key}.`))).toEqual([]);
});

withHelm('the documentation of the chart', () => {
  it('gives the Prometheus adapter the query of KEDA, pod by pod', async () => {
    const query = find(await render(binary, VALUES.keda), 'ScaledObject').spec.triggers[0]?.metadata.query;
    const adapters = /metricsQuery: (.*)/.exec(readme)?.[1] ?? '';
    const whole = adapters
      .replaceAll('<<.Series>>', 'nestor_queue_wait_seconds_bucket')
      .replaceAll('<<.LabelMatchers>>', 'namespace="n",service="r-nestor"')
      .replace(', <<.GroupBy>>', '')
      .replace(' by (<<.GroupBy>>) ', '');
    expect([whole, adapters.match(/<<.GroupBy>>/g)?.length]).toEqual([query, 2]);
  });

  it('installs into a GPU pool what the Prometheus of kube-prometheus-stack looks for', async () => {
    const walk = readFileSync(join(ROOT, 'docs/deployment.md'), 'utf8');
    const command = /helm install nestor helm\/nestor (.*?)\n\s*kubectl/s.exec(walk)?.[1] ?? '';
    const flags = command.replaceAll('\\\n', ' ').trim().split(/\s+/);
    const things = await render(binary, {}, CHART, flags);
    for (const kind of ['ServiceMonitor', 'PrometheusRule'])
      expect(find(things, kind).metadata.labels.release).toBe('kube-prometheus-stack');
  });
});
