// The Helm chart: what it renders is valid to the letter, safe by default, and ends pods in the right order.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Environment } from '../src/config/environment.js';
import { readTenants } from '../src/tenants/tenants-file.js';
import { CHART, find, KUBERNETES, render, template, type PodSpec, type Thing } from './helm/chart.js';
import { VALUES, type ValueSet } from './helm/values.js';
import { inParallel } from './setup/load.js';
import { ROOT } from './setup/paths.js';
import { removeRepositories, written } from './setup/repository.js';
import { python } from './setup/python.js';
import { helm, outcome } from './setup/tools.js';

const binary = helm();
const withHelm = binary ? describe : describe.skip;
const SCHEMAS = [join(ROOT, 'test/clients/kubernetes.py'), KUBERNETES, join(ROOT, 'test/helm/custom-resources.json')];
const sets = Object.keys(VALUES) as ValueSet[];
const rendered = {} as Record<ValueSet, Thing[]>;

beforeAll(async () => {
  if (!binary) return;
  await inParallel(sets, 2, async (set) => {
    rendered[set] = await render(binary, VALUES[set]);
  });
});

afterAll(removeRepositories);

const names = (things: readonly Thing[]): string[] => things.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
const pod = (set: ValueSet): PodSpec => find(rendered[set], 'Deployment', 'r-nestor').spec.template.spec;
const environment = (set: ValueSet): Record<string, unknown> =>
  Object.fromEntries(pod(set).containers[0].env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));

withHelm('the chart', () => {
  it('passes helm lint', async () => {
    const { code, text } = await outcome(binary ?? '', ['lint', '--strict', '--set', 'access.open=true', CHART]);
    expect([code, text]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
  });

  it('renders objects that the schemas know, field by field', async () => {
    const interpreter = python();
    if (!interpreter) return;
    expect(await outcome(interpreter, SCHEMAS, JSON.stringify(rendered))).toEqual({ code: 0, text: '' });
  });

  it('has on by default what is needed, and nothing more', () => {
    expect(names(rendered.cpu)).toEqual([
      'Deployment r-nestor',
      'NetworkPolicy r-nestor',
      'Pod r-nestor-test',
      'PodDisruptionBudget r-nestor',
      'Service r-nestor',
      'ServiceAccount r-nestor',
    ]);
    expect(names(rendered.kserve)).toEqual(['ServingRuntime r-nestor']);
    expect(names(rendered.beside)).toContain('ClusterServingRuntime r-nestor');
    expect(names(rendered.everything)).toEqual(
      expect.arrayContaining([
        'ConfigMap r-nestor-dashboard',
        'Deployment r-nestor-redis',
        'GRPCRoute r-nestor',
        'HTTPRoute r-nestor',
        'Ingress r-nestor',
        'PrometheusRule r-nestor',
        'ScaledObject r-nestor',
        'ServiceMonitor r-nestor',
      ]),
    );
  });

  it('gives a GPU pod one GPU and a node that has it, and a CPU pod none', () => {
    expect(pod('gpu').containers[0].resources.limits['nvidia.com/gpu']).toBe(1);
    expect(pod('gpu').containers[0].image).toBe('nestor:0.1.0-gpu');
    expect(pod('gpu')).toMatchObject({
      runtimeClassName: 'nvidia',
      nodeSelector: { 'nvidia.com/gpu.present': 'true' },
      tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
    });
    expect(pod('everything').nodeSelector).toEqual({ 'nvidia.com/gpu.present': 'true', pool: 'a100' });
    expect(pod('everything').tolerations).toHaveLength(2);
    expect(pod('everything').containers[0].image).toMatch(/^registry\.example\.com\/nestor@sha256:0+$/);
    expect(pod('cpu').containers[0].resources.limits).toEqual({ cpu: '2', memory: '4Gi' });
    expect(pod('cpu').nodeSelector).toBeUndefined();
  });

  it.each(['cpu', 'everything'] as const)('ends a pod in the right order and in time (%s)', (set) => {
    const { terminationGracePeriodSeconds, containers } = pod(set);
    const { DRAIN_SECONDS, SHUTDOWN_GRACE_SECONDS } = environment(set);
    const preStop = containers[0].lifecycle.preStop.sleep.seconds;
    const lastBatch =
      Number(/LAST_BATCH_MS = ([\d_]+)/.exec(readFileSync(join(ROOT, 'src/main.ts'), 'utf8'))?.[1]?.replace('_', '')) / 1000;
    expect(preStop).toBeGreaterThan(0);
    expect(Number(DRAIN_SECONDS)).toBeGreaterThan(containers[0].readinessProbe.periodSeconds);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(preStop + Number(DRAIN_SECONDS) + Number(SHUTDOWN_GRACE_SECONDS) + lastBatch);
  });

  it('asks the routes of health', () => {
    const [{ startupProbe, readinessProbe, livenessProbe }] = pod('cpu').containers;
    const paths = [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet);
    expect(paths).toEqual(['startup', 'ready', 'live'].map((route) => ({ path: `/health/${route}`, port: 'http', scheme: 'HTTP' })));
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(600);
  });

  it('runs every pod as the restricted profile of Pod Security wants it, without a token', () => {
    const pods = sets
      .flatMap((set) => rendered[set])
      .flatMap(({ kind, spec }) => (kind === 'Pod' ? [spec] : kind === 'Deployment' ? [spec.template.spec] : []));
    expect(pods.length).toBeGreaterThan(10);
    for (const { automountServiceAccountToken, securityContext, containers, initContainers = [] } of pods) {
      expect(automountServiceAccountToken).toBe(false);
      expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of [...containers, ...initContainers]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
    expect(find(rendered.cpu, 'ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
  });

  it('takes secrets by reference, and listens where the service looks', () => {
    expect(environment('cpu')).toMatchObject({
      HOST: '0.0.0.0',
      PORT: '8000',
      GRPC_PORT: '8001',
      MODEL_REPOSITORY: '/app/models',
      ADMIN_API: 'off',
    });
    expect(environment('cpu').REDIS_URL).toBeUndefined();
    expect(environment('redis').REDIS_URL).toEqual({ secretKeyRef: { name: 'nestor-redis', key: 'REDIS_URL' } });
    expect(environment('everything').REDIS_URL).toBe('redis://r-nestor-redis:6379');
    const ports = find(rendered.cpu, 'Service', 'r-nestor').spec.ports;
    expect(ports.map(({ name, port }) => [name, port])).toEqual([['http', 8000], ['grpc', 8001]]); // prettier-ignore
  });

  it('says who may come in: by keys and certificates in Secrets, mounted as folders, or open where that is said', () => {
    const mounts = (set: ValueSet): (string | undefined)[][] =>
      pod(set).containers[0].volumeMounts.map(({ name, mountPath }) => [name, mountPath]);
    expect(environment('cpu')).toMatchObject({
      ACCESS_KEYS_FILE: '/etc/nestor/access/keys.yaml',
      OPEN_ROUTES: 'metrics',
      AUDIT_LOG: 'stderr',
    });
    expect([environment('cpu').ACCESS, environment('redis').ACCESS, environment('redis').ACCESS_KEYS_FILE]).toEqual([
      undefined,
      'open',
      undefined,
    ]);
    expect(mounts('cpu')).toContainEqual(['access', '/etc/nestor/access']);
    expect(pod('cpu').volumes).toContainEqual({ name: 'access', secret: { secretName: 'nestor-keys' } });
    expect(environment('everything')).toMatchObject({
      JWT_ISSUER: 'https://issuer.example',
      OPEN_ROUTES: 'docs',
      TLS_CERT_FILE: '/etc/nestor/tls/tls.crt',
      TLS_CLIENT_CA_FILE: '/etc/nestor/client-ca/ca.crt',
    });
    expect(mounts('everything')).toEqual(expect.arrayContaining([['access', '/etc/nestor/access'], ['tls', '/etc/nestor/tls'], ['client-ca', '/etc/nestor/client-ca']])); // prettier-ignore
    expect(pod('keda').containers[0].readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 'http', scheme: 'HTTPS' });
    expect(find(rendered.kserve, 'ServingRuntime').spec.containers[0].volumeMounts).toContainEqual({
      name: 'access',
      mountPath: '/etc/nestor/access',
      readOnly: true,
    });
  });

  it('sets variables that Nestor reads', () => {
    // Of parts that are not in every build.
    const others = ['GRPC_PORT', 'CACHE_DIR', 'TEI_API', 'REDIS_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
    const known = [...Object.keys(new Environment()), ...others];
    expect(Object.keys({ ...environment('redis'), ...environment('everything') }).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('gives the settings of tenants as a folder that changes with them, and as Nestor reads them', async () => {
    const settings = find(rendered.tenants, 'ConfigMap', 'r-nestor-tenants').data?.['tenants.yaml'] ?? '';
    expect(pod('tenants').volumes.find(({ name }) => name === 'tenants')?.configMap).toEqual({ name: 'r-nestor-tenants' });
    const mount = pod('tenants').containers[0].volumeMounts.find(({ name }) => name === 'tenants');
    expect(mount).toEqual({ name: 'tenants', mountPath: '/etc/nestor/tenants', readOnly: true });
    expect(environment('tenants')).toMatchObject({ TENANT_HEADER: 'X-Tenant', TENANTS_FILE: '/etc/nestor/tenants/tenants.yaml' });
    const { others, named } = await readTenants(join(await written({ 'tenants.yaml': settings }), 'tenants.yaml'));
    expect([others.limits[0]?.policy, named.get('search')?.weight, named.get('search')?.limits.length]).toEqual([
      'requests-per-minute',
      3,
      3,
    ]);
    expect(environment('cpu').TENANTS_FILE).toBeUndefined();
  });

  it('mounts models from wherever they come, for reading', () => {
    const mounted = (set: ValueSet): PodSpec['volumes'][number] | undefined => pod(set).volumes.find(({ name }) => name === 'models');
    expect(mounted('cpu')).toBeUndefined();
    expect(mounted('gpu')?.persistentVolumeClaim).toEqual({ claimName: 'models', readOnly: true });
    expect(mounted('hpa')?.persistentVolumeClaim).toEqual({ claimName: 'r-nestor-models', readOnly: true });
    expect(find(rendered.hpa, 'PersistentVolumeClaim').metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
    expect(mounted('keda')?.image).toEqual({ reference: 'registry.example.com/models:1', pullPolicy: 'IfNotPresent' });
    expect(pod('everything').initContainers?.[0].volumeMounts[0]).toEqual({ name: 'models', mountPath: '/app/models' });
    for (const set of ['gpu', 'hpa', 'keda', 'everything'] as const) {
      const mount = pod(set).containers[0].volumeMounts.find(({ name }) => name === 'models');
      expect(mount).toMatchObject({ mountPath: '/app/models', readOnly: true });
    }
  });

  it('scales on the wait for a batch, by HPA or by KEDA, and leaves the count of pods to it', () => {
    expect(find(rendered.hpa, 'HorizontalPodAutoscaler').spec.metrics[0]?.pods).toEqual({
      metric: { name: 'nestor_queue_wait_seconds_p95' },
      target: { type: 'AverageValue', averageValue: '100m' },
    });
    const [trigger] = find(rendered.keda, 'ScaledObject').spec.triggers;
    expect(trigger).toMatchObject({ metricType: 'Value', metadata: { threshold: '0.25' } });
    expect(trigger?.metadata.query).toContain('rate(nestor_queue_wait_seconds_bucket{namespace="n",service="r-nestor"}[2m])');
    for (const set of ['hpa', 'keda'] as const) expect(find(rendered[set], 'Deployment', 'r-nestor').spec.replicas).toBeUndefined();
    expect(find(rendered.cpu, 'Deployment').spec.replicas).toBe(2);
  });

  it('carries the rules and the dashboard as they are in their files', () => {
    const file = (name: string): string => readFileSync(join(CHART, 'files', name), 'utf8');
    expect(find(rendered.everything, 'PrometheusRule').spec).toEqual(parse(file('rules.yaml')));
    const dashboard = find(rendered.everything, 'ConfigMap').data?.['nestor.json'] ?? '';
    expect(JSON.parse(dashboard)).toEqual(JSON.parse(file('dashboard.json')));
  });

  it('gives KServe the same image, on its port and its folder', () => {
    const [container] = find(rendered.beside, 'ClusterServingRuntime').spec.containers;
    expect(container.image).toBe(pod('everything').containers[0].image);
    expect(container.env).toContainEqual({ name: 'MODEL_REPOSITORY', value: '/mnt/models' });
    // Knative refuses a container that sets PORT, and sets it to the port of the container; where there is none the image's counts.
    expect(container.env.map(({ name }) => name)).not.toContain('PORT');
    const port = Number(/ PORT=(\d+)/.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1]);
    expect(container).toMatchObject({
      ports: [{ containerPort: port }],
      readinessProbe: { httpGet: { port } },
      livenessProbe: { httpGet: { port } },
    });
  });

  it('gives KServe pods what every pod gets', () => {
    const { spec } = find(rendered.beside, 'ClusterServingRuntime');
    expect(spec).toMatchObject({
      imagePullSecrets: [{ name: 'registry' }],
      nodeSelector: pod('everything').nodeSelector,
      tolerations: pod('everything').tolerations,
      affinity: { podAntiAffinity: {} },
      annotations: { note: 'x', 'prometheus.kserve.io/path': '/metrics' },
      labels: { tier: 'inference' },
    });
    expect(spec.volumes).toContainEqual({ name: 'scratch', emptyDir: {} });
    expect(spec.containers[0].volumeMounts).toContainEqual({ name: 'scratch', mountPath: '/scratch' });
    expect(find(rendered.kserve, 'ServingRuntime').spec.containers[0]).toMatchObject({ envFrom: [{ secretRef: { name: 'more' } }] });
    // The chart's Redis lets in the chart's pods alone, and other namespaces do not know its name.
    expect(spec.containers[0].env.map(({ name }) => name)).not.toContain('REDIS_URL');
  });

  it('lets KServe pods load their models before liveness is asked, as long as those of the Deployment', () => {
    const { startupProbe } = pod('everything').containers[0];
    const { livenessProbe } = find(rendered.beside, 'ClusterServingRuntime').spec.containers[0];
    expect(livenessProbe.initialDelaySeconds).toBe(startupProbe.periodSeconds * startupProbe.failureThreshold);
  });

  it('keeps the selectors of its workloads apart', () => {
    const selectors = ['r-nestor', 'r-nestor-redis'].map((name) => find(rendered.everything, 'Deployment', name).spec.selector.matchLabels);
    expect(selectors.map((selector) => selector['app.kubernetes.io/component'])).toEqual(['server', 'redis']);
    expect(find(rendered.cpu, 'Pod').metadata.labels['app.kubernetes.io/component']).toBe('test');
    expect(find(rendered.everything, 'Service', 'r-nestor').spec.selector).toEqual(selectors[0]);
  });

  it.each([
    ['an unknown key', { replicas: 3 }, 'replicas'],
    ['an unknown key far inside', { models: { pvc: { claim: 'x' } } }, 'claim'],
    ['no time to drain', { shutdown: { drainSeconds: 0 } }, 'drainSeconds'],
    ['a source of models that says nothing of them', { models: { source: 'oci' } }, 'reference'],
    ['two Redis at once', { redis: { deploy: true, existingSecret: 'x' } }, 'redis'],
    ['a variable that has a key of its own', { server: { env: [{ name: 'DRAIN_SECONDS', value: '0' }] } }, 'env'],
    ['a limit that is none', { tenants: { settings: { default: { limits: { tokens: 'many' } } } } }, 'tokens'],
    ['an ingress without hosts', { ingress: { enabled: true } }, 'hosts'],
    ['a port for root', { server: { port: 80 } }, 'port'],
    ['a pod that is gone before its readiness is asked', { shutdown: { drainSeconds: 4 } }, 'drainSeconds'],
    ['to leave unsaid who may come in', { access: {} }, 'access.existingSecret'],
    ['to let everybody in, and only those with keys', { access: { open: true, existingSecret: 'x' } }, 'access.open'],
    ['half of what tokens need', { access: { jwt: { issuer: 'https://issuer' } } }, 'jwksUrl'],
    ['certificates of clients without one of the server', { tls: { clientCaSecret: 'x' } }, 'tls.existingSecret'],
    ['settings of tenants without pods that read them', { deployment: { enabled: false }, kserve: { enabled: true }, tenants: { settings: { default: { weight: 1 } } } }, 'tenants.settings'], // prettier-ignore
    [
      'a Redis without pods that ask it',
      { deployment: { enabled: false }, kserve: { enabled: true }, redis: { deploy: true } },
      'redis.deploy',
    ],
    ['a runtime of KServe that speaks TLS alone', { kserve: { enabled: true }, tls: { existingSecret: 'x' } }, 'tls.existingSecret'],
    ['fewer pods at most than at least', { autoscaling: { enabled: true, minReplicas: 9 } }, 'minReplicas'],
  ])('refuses %s and names it', async (_, values, name) => {
    const { code, text } = await template(binary ?? '', { access: { open: true }, ...values });
    expect([code, text]).toEqual([1, expect.stringContaining(name)]);
  });
});
