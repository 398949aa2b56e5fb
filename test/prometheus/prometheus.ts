// A real Prometheus that scrapes a server every second and evaluates the rules of the chart.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { send } from '../setup/client.js';
import { ROOT } from '../setup/paths.js';
import { until } from '../setup/until.js';
import { freePort } from '../setup/port.js';

export const RULES = join(ROOT, 'helm/nestor/files/rules.yaml');

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export class Prometheus {
  readonly #ended: Promise<unknown>;

  private constructor(
    private readonly url: string,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    this.#ended = once(child, 'exit');
  }

  static async start(target: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'nestor-prometheus-'));
    const config = join(folder, 'prometheus.yaml');
    const address = `127.0.0.1:${await freePort()}`;
    const scrape = { job_name: 'nestor', static_configs: [{ targets: [new URL(target).host] }] };
    await writeFile(
      config,
      stringify({ global: { scrape_interval: '1s', evaluation_interval: '1s' }, rule_files: [RULES], scrape_configs: [scrape] }),
    );
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`, '--log.level=error'];
    const prometheus = new Prometheus(`http://${address}`, folder, spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'inherit'] }));
    await until('Prometheus to be ready', async () =>
      (await send(`${prometheus.url}/-/ready`).catch(() => undefined))?.status === 200 ? true : undefined,
    );
    return prometheus;
  }

  /** Resolves after the next scrape that began after this call. */
  async scraped(): Promise<void> {
    const now = Date.now() / 1000;
    await until('a scrape', async () => (await this.number('timestamp(up{job="nestor"})')) > now || undefined);
  }

  /** An instant query. @throws Error with Prometheus' words when it does not understand it. */
  async query(expression: string): Promise<Series[]> {
    const { body } = await send(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    const answer = body as { status: string; error?: string; data: { result: Series[] } };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  /** The one number that a query gives, of the series with these labels; NaN when it gives none. */
  async number(expression: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const series = await this.query(expression);
    const meant = series.find(({ metric }) => Object.entries(labels).every(([name, value]) => metric[name] === value));
    return Number(meant?.value[1] ?? NaN);
  }

  /** Errors of the rules by name, those that were evaluated well with an empty one. */
  async rules(): Promise<Record<string, string>> {
    const { body } = await send(`${this.url}/api/v1/rules`);
    const { groups } = (body as { data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] } }).data;
    return Object.fromEntries(
      groups.flatMap(({ rules }) => rules.map(({ name, health, lastError }) => [name, health === 'ok' ? '' : (lastError ?? health)])),
    );
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.#ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
