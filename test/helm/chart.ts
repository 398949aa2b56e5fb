// The chart as helm renders it.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../setup/paths.js';
import { outcome, type Output } from '../setup/tools.js';

export const CHART = join(ROOT, 'helm/nestor');
/** The newest whose schemas there are. */
export const KUBERNETES = '1.37.0';

type Labels = Readonly<Record<string, string>>;

interface Probe {
  readonly httpGet: unknown;
  readonly periodSeconds: number;
  readonly failureThreshold: number;
  readonly initialDelaySeconds?: number;
}

export interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly resources: { readonly limits: Readonly<Record<string, unknown>> };
  readonly securityContext: unknown;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: unknown;
  readonly terminationGracePeriodSeconds: number;
  readonly nodeSelector?: Labels;
  readonly tolerations: readonly unknown[];
  readonly containers: readonly [Container];
  readonly initContainers?: readonly [Container];
  readonly volumes: readonly {
    readonly name: string;
    readonly persistentVolumeClaim?: unknown;
    readonly image?: unknown;
    readonly configMap?: unknown;
  }[];
}

/** What the specs look at; each kind has some of it. */
interface Spec extends PodSpec {
  readonly replicas?: number;
  readonly selector: { readonly matchLabels: Labels };
  readonly template: { readonly spec: PodSpec };
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly metrics: readonly { readonly pods: unknown }[];
  readonly strategy?: unknown;
  readonly triggers: readonly { readonly metadata: { readonly query: string; readonly ignoreNullValues?: string } }[];
  readonly protocolVersions: readonly string[];
  readonly supportedModelFormats: readonly { readonly name: string; readonly priority: number }[];
  readonly jobLabel: string;
  readonly hostnames: readonly string[];
  readonly rules: readonly { readonly matches: readonly { readonly path: { readonly type: string; readonly value: string } }[] }[];
  readonly endpoints: readonly { readonly tlsConfig?: unknown }[];
}

/** An object of Kubernetes. */
export interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: Spec;
  readonly data?: Labels;
}

/** `helm template` of a release `r` in a namespace `n`. */
export async function template(helm: string, values: unknown, chart = CHART, flags: readonly string[] = []): Promise<Output> {
  const folder = await mkdtemp(join(tmpdir(), 'nestor-chart-'));
  try {
    const path = join(folder, 'values.json');
    await writeFile(path, JSON.stringify(values));
    return await outcome(helm, ['template', 'r', chart, '--namespace', 'n', '--kube-version', KUBERNETES, '--values', path, ...flags]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The objects of a template. @throws Error with helm's words when it cannot be rendered. */
export async function render(helm: string, values: unknown, chart = CHART, flags: readonly string[] = []): Promise<Thing[]> {
  const { code, text } = await template(helm, values, chart, flags);
  if (code !== 0) throw new Error(text);
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Thing | null) ?? []);
}

/** What `helm install` says at its end, which `helm template` renders and does not show: here as an object of its own. */
export async function notes(helm: string, values: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestor-notes-'));
  try {
    await cp(CHART, folder, { recursive: true });
    const text = await readFile(join(folder, 'templates/NOTES.txt'), 'utf8');
    const object = `{{ define "notes" }}${text}{{ end }}\nkind: Notes\nmetadata: { name: notes }\ndata: { text: {{ include "notes" . | quote }} }\n`;
    await writeFile(join(folder, 'templates/notes.yaml'), object);
    return find(await render(helm, values, folder), 'Notes').data?.text ?? '';
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function find(things: readonly Thing[], kind: string, name?: string): Thing {
  const found = things.find((thing) => thing.kind === kind && (name === undefined || thing.metadata.name === name));
  if (!found) throw new Error(`the chart has no ${kind} ${name ?? ''}`);
  return found;
}
