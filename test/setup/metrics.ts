// Reads instruments off /metrics.
import { send } from './client.js';
import type { Server } from './server.js';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** All samples of the text exposition format. */
export async function samples(server: Server): Promise<Sample[]> {
  const { text } = await send(`${server.url}/metrics`);
  return text.split('\n').flatMap((line) => {
    const [, name, inner = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (!name) return [];
    const labels = Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text]));
    return [{ name, labels, value: Number(value) }];
  });
}

/** The sum of the samples of that name that have these labels. */
export async function metric(server: Server, name: string, labels: Labels = {}): Promise<number> {
  const wanted = Object.entries(labels);
  const fitting = (await samples(server)).filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  return fitting.reduce((sum, { value }) => sum + value, 0);
}
