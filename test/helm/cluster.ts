// A cluster that holds one Deployment, for what the chart asks of it with `lookup`.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CHART, render, type Thing } from './chart.js';

export interface Live {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly replicas?: number };
}

/** The objects of a release that the cluster already has, in which its Deployment runs as `live`. */
export async function renderOver(helm: string, live: Live, values: unknown): Promise<Thing[]> {
  const resource = { name: 'deployments', namespaced: true, kind: 'Deployment', verbs: ['get'] };
  const answers: Record<string, unknown> = {
    '/apis/apps/v1': { kind: 'APIResourceList', groupVersion: 'apps/v1', resources: [resource] },
    [`/apis/apps/v1/namespaces/n/deployments/${live.metadata.name}`]: { apiVersion: 'apps/v1', kind: 'Deployment', ...live },
  };
  const server = createServer(({ url = '' }, response) => {
    const answer = answers[url.split('?', 1)[0] ?? ''];
    response.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return await render(helm, values, CHART, ['--dry-run=server', '--kube-apiserver', address]);
  } finally {
    server.close();
  }
}
