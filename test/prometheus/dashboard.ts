// The dashboard of the chart, as far as tests look at it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/paths.js';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string; readonly allValue?: string }[] };
  readonly panels: readonly Panel[];
}

export const dashboard = JSON.parse(readFileSync(join(ROOT, 'helm/nestor/files/dashboard.json'), 'utf8')) as Dashboard;

/** What a variable stands for when nothing is chosen: what is given for it, or else all that its query found. */
const all = new Map(dashboard.templating.list.map(({ name, allValue = 'nestor' }) => [name, allValue]));

/** What Grafana sends to Prometheus when nothing is chosen. */
export function asked(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(/\$(namespace|job|instance|model)\b/g, (_, name: string) => all.get(name) ?? '');
}
