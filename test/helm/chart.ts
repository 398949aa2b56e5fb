// The chart as helm renders it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../setup/paths.js';
import { outcome, type Output } from '../setup/tools.js';

export const CHART = join(ROOT, 'helm/nestor');
/** The newest whose schemas there are. */
export const KUBERNETES = '1.37.0';

/** An object of Kubernetes; what is asked of it is as deep as it is irregular. */
export interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any depth of any object
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

/** `helm template` of a release `r` in a namespace `n`. */
export async function template(helm: string, values: unknown): Promise<Output> {
  const folder = await mkdtemp(join(tmpdir(), 'nestor-chart-'));
  try {
    const path = join(folder, 'values.json');
    await writeFile(path, JSON.stringify(values));
    return await outcome(helm, ['template', 'r', CHART, '--namespace', 'n', '--kube-version', KUBERNETES, '--values', path]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The objects of a template. @throws Error with helm's words when it cannot be rendered. */
export async function render(helm: string, values: unknown): Promise<Thing[]> {
  const { code, text } = await template(helm, values);
  if (code !== 0) throw new Error(text);
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Thing | null) ?? []);
}

export function find(things: readonly Thing[], kind: string, name?: string): Thing {
  const found = things.find((thing) => thing.kind === kind && (name === undefined || thing.metadata.name === name));
  if (!found) throw new Error(`the chart has no ${kind} ${name ?? ''}`);
  return found;
}
