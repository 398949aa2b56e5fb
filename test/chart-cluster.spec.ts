// The Helm chart among what a cluster has beside it: Gateways, Prometheus, private registries, tainted nodes, labels of others.
import { describe, expect, it } from '@jest/globals';
import { isTeiPath } from '../src/http/tei/tei-errors.js';
import { find, notes, render, template, type Thing } from './helm/chart.js';
import { helm } from './setup/tools.js';

const binary = helm() ?? '';
const withHelm = binary ? describe : describe.skip;
const rendered = (values: object): Promise<Thing[]> => render(binary, { access: { open: true }, ...values });

const GATEWAY = { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['nestor.example.com'] };
const TLS = { existingSecret: 'nestor-tls', clientCaSecret: 'nestor-client-ca' };

withHelm('the chart in a cluster', () => {
  it('gives REST and gRPC names of their own at a Gateway, which takes one kind of route for a name', async () => {
    const both = await rendered({ gateway: { ...GATEWAY, grpcHostnames: ['grpc.example.com'] } });
    expect(find(both, 'HTTPRoute').spec.hostnames).toEqual(['nestor.example.com']);
    expect(find(both, 'GRPCRoute').spec.hostnames).toEqual(['grpc.example.com']);
    const rest = await rendered({ gateway: GATEWAY });
    expect(rest.map(({ kind }) => kind)).not.toContain('GRPCRoute');
  });

  it.each([
    ['a name for both', GATEWAY.hostnames, 'nestor.example.com'],
    ['every name for REST, and one of them for gRPC', [], 'nestor.example.com'],
    ['a name of gRPC that a wildcard of REST takes in', ['*.example.com'], 'nestor.example.com'],
    ['names of gRPC that take in one of REST', GATEWAY.hostnames, '*.example.com'],
  ])('refuses %s', async (_, hostnames, grpc) => {
    const gateway = { ...GATEWAY, hostnames, grpcHostnames: [grpc] };
    const { code, text } = await template(binary, { access: { open: true }, gateway });
    expect([code, text]).toEqual([1, expect.stringContaining(`gateway.grpcHostnames: ${grpc}`)]);
  });

  it('routes what text-embeddings-inference is asked where that is on', async () => {
    const exact = async (teiApi: boolean): Promise<string[]> => {
      const [rule] = find(await rendered({ gateway: GATEWAY, server: { teiApi } }), 'HTTPRoute').spec.rules;
      return rule?.matches.flatMap(({ path }) => (path.type === 'Exact' ? path.value : [])) ?? [];
    };
    expect(await exact(false)).toEqual([]);
    const paths = await exact(true);
    expect(paths).toEqual(expect.arrayContaining(['/', '/embed', '/embed_all', '/similarity', '/tokenize', '/decode', '/info']));
    expect(paths.filter((path) => !isTeiPath(path))).toEqual([]);
  });

  it('comes beside the runtimes of KServe, which refuses a second one of the same priority, and offers no gRPC that it would lead to REST', async () => {
    const runtime = async (kserve: object): Promise<Thing['spec']> =>
      find(await rendered({ kserve: { enabled: true, ...kserve } }), 'ClusterServingRuntime').spec;
    const { supportedModelFormats, protocolVersions } = await runtime({});
    // Triton's, which KServe brings, has 1; the highest is taken.
    expect(supportedModelFormats).toEqual([{ name: 'onnx', version: '1', autoSelect: true, priority: 2 }]);
    expect(protocolVersions).toEqual(['v2']);
    expect((await runtime({ priority: 5 })).supportedModelFormats[0]?.priority).toBe(5);
  });

  it('lets KEDA take no answer for an error, which holds the pods, and no traffic for 0', async () => {
    const things = await rendered({ autoscaling: { enabled: true, engine: 'keda' } });
    const [trigger] = find(things, 'ScaledObject').spec.triggers;
    expect(trigger?.metadata.ignoreNullValues).toBe('false');
    expect(trigger?.metadata.query).toContain('>= 0 or sum(up{namespace="n",service="r-nestor"} == 1) * 0');
  });

  it('ends all pods before new ones begin where that is asked for', async () => {
    const things = await rendered({ deployment: { strategy: { type: 'Recreate' } } });
    expect(find(things, 'Deployment').spec.strategy).toEqual({ type: 'Recreate' });
    const rolling = find(await rendered({ deployment: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } } }), 'Deployment');
    expect(rolling.spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } });
  });

  it('says how its own claim, which begins empty, gets its models', async () => {
    const access = { open: true };
    expect(await notes(binary, { access, models: { source: 'pvc' } })).toContain('claim r-nestor-models');
    expect(await notes(binary, { access, models: { source: 'pvc', pvc: { existingClaim: 'models' } } })).not.toContain('r-nestor-models');
  });

  it('has its metrics under the job that its rules and panels know, whatever it is called', async () => {
    const things = await rendered({ nameOverride: 'inference', monitoring: { serviceMonitor: { enabled: true } } });
    const { jobLabel } = find(things, 'ServiceMonitor').spec;
    expect(find(things, 'Service', 'r-inference').metadata.labels[jobLabel]).toBe('nestor');
  });

  it('lets Prometheus show the certificate that the server asks everybody for', async () => {
    const shown = { cert: { secret: { name: 'scrape', key: 'tls.crt' } }, keySecret: { name: 'scrape', key: 'tls.key' } };
    const things = await rendered({ tls: TLS, monitoring: { serviceMonitor: { enabled: true, tlsConfig: shown } } });
    expect(find(things, 'ServiceMonitor').spec.endpoints[0]?.tlsConfig).toEqual({ ...shown, insecureSkipVerify: true });
  });

  it('warns of an Ingress that leads to metrics which ask nobody, and of scrapes without the certificate that is asked for', async () => {
    const hosts = (...paths: string[]) => ({ enabled: true, hosts: paths.map((path) => ({ host: 'nestor.example.com', path })) });
    const access = { existingSecret: 'nestor-keys' };
    expect(await notes(binary, { access, ingress: hosts('/') })).toContain('WARNING: nestor.example.com/metrics asks nobody');
    expect(await notes(binary, { access, ingress: hosts('/v1', '/v2') })).not.toContain('WARNING');
    expect(await notes(binary, { access: { ...access, openRoutes: [] }, ingress: hosts('/') })).not.toContain('WARNING');
    const monitoring = { serviceMonitor: { enabled: true } };
    expect(await notes(binary, { access, tls: TLS, monitoring })).toContain('WARNING: tls.clientCaSecret');
  });

  it('warns of a Gateway and an Ingress that speak HTTP to pods that speak TLS alone', async () => {
    const access = { existingSecret: 'nestor-keys' };
    const warned = async (values: object): Promise<(string | undefined)[]> =>
      [
        ...(await notes(binary, { access, ...values })).matchAll(
          /WARNING: .*?(BackendTLSPolicy|client certificate|backend-protocol|proxy-ssl-secret)/g,
        ),
      ].map(([, remedy]) => remedy);
    const tls = { existingSecret: 'nestor-tls' };
    const ingress = (annotations = {}): object => ({
      ingress: { enabled: true, hosts: [{ host: 'a.example', path: '/v1' }], annotations },
    });
    expect(await warned({ gateway: GATEWAY, ...ingress() })).toEqual([]);
    expect(await warned({ tls })).toEqual([]);
    expect(await warned({ tls, gateway: GATEWAY, ...ingress() })).toEqual(['BackendTLSPolicy', 'backend-protocol']);
    expect(await notes(binary, { access, tls: TLS, gateway: GATEWAY })).toContain('and the Gateway a client certificate');
    expect(await notes(binary, { access, tls, gateway: GATEWAY })).not.toContain('client certificate');
    const https = { 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' };
    expect(await warned({ tls, ...ingress(https) })).toEqual([]);
    expect(await warned({ tls: TLS, ...ingress(https) })).toEqual(['proxy-ssl-secret']);
    expect(await warned({ tls: TLS, ...ingress({ ...https, 'nginx.ingress.kubernetes.io/proxy-ssl-secret': 'n/ingress' }) })).toEqual([]);
  });

  it('gives Redis and helm test the registry and the nodes of the rest', async () => {
    const nodes = { nodeSelector: { pool: 'search' }, tolerations: [{ key: 'search', operator: 'Exists' }] };
    const things = await rendered({ ...nodes, image: { pullSecrets: ['registry'] }, redis: { deploy: true } });
    const expected = { ...nodes, imagePullSecrets: [{ name: 'registry' }] };
    expect(find(things, 'Deployment', 'r-nestor-redis').spec.template.spec).toMatchObject(expected);
    expect(find(things, 'Pod').spec).toMatchObject(expected);
  });

  it('takes the label of NVIDIA off where nodes have only that of a cloud', async () => {
    const nodeSelector = { 'nvidia.com/gpu.present': null, 'cloud.google.com/gke-accelerator': 'nvidia-l4' };
    const things = await rendered({ gpu: { enabled: true, nodeSelector } });
    expect(find(things, 'Deployment').spec.template.spec.nodeSelector).toEqual({ 'cloud.google.com/gke-accelerator': 'nvidia-l4' });
  });

  it('listens on IPv6 where pods have nothing else', async () => {
    const [{ env }] = find(await rendered({ server: { host: '::' } }), 'Deployment').spec.template.spec.containers;
    expect(env).toContainEqual({ name: 'HOST', value: '::' });
  });

  it.each(['commonLabels', 'podLabels'])(
    'refuses one of its own labels in %s: selectors, and the job of the metrics, are made of them',
    async (key) => {
      const { code, text } = await template(binary, { access: { open: true }, [key]: { 'app.kubernetes.io/part-of': 'search' } });
      expect([code, text]).toEqual([1, expect.stringContaining('app.kubernetes.io/part-of')]);
    },
  );
});
