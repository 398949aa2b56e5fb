// Value sets of the chart that are checked, from the plainest to everything at once.

const KEYS = { existingSecret: 'nestor-keys' };
const OPEN = { open: true };

const EVERYTHING = {
  access: { ...KEYS, jwt: { issuer: 'https://issuer.example', audience: 'nestor', jwksUrl: 'https://issuer.example/keys' }, openRoutes: ['docs'] },
  tls: { existingSecret: 'nestor-tls', clientCaSecret: 'nestor-client-ca' },
  commonLabels: { team: 'search' },
  image: { repository: 'registry.example.com/nestor', digest: `sha256:${'0'.repeat(64)}`, pullSecrets: ['registry'] },
  deployment: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } },
  gpu: { enabled: true },
  server: { adminApi: true, teiApi: true, logLevel: 'debug' },
  shutdown: { preStopSeconds: 7, drainSeconds: 20, graceSeconds: 60 },
  models: { source: 'init', init: { image: 'fetch:1', args: ['s3://models'], env: [{ name: 'REGION', value: 'eu' }] } },
  redis: { deploy: true },
  service: { type: 'LoadBalancer', annotations: { a: 'b' } },
  ingress: {
    enabled: true,
    className: 'nginx',
    hosts: [{ host: 'nestor.example.com' }],
    tls: [{ secretName: 'tls', hosts: ['nestor.example.com'] }],
  },
  gateway: {
    enabled: true,
    parentRefs: [{ name: 'public', namespace: 'gateways' }],
    hostnames: ['nestor.example.com'],
    grpcHostnames: ['grpc.example.com'],
  },
  autoscaling: { enabled: true, engine: 'keda' },
  networkPolicy: { from: [{ namespaceSelector: {} }], egress: [{ ports: [{ port: 443, protocol: 'TCP' }] }] },
  serviceAccount: { annotations: { role: 'models' } },
  monitoring: {
    serviceMonitor: {
      enabled: true,
      labels: { release: 'prometheus' },
      tlsConfig: { cert: { secret: { name: 'scrape', key: 'tls.crt' } }, keySecret: { name: 'scrape', key: 'tls.key' } },
    },
    prometheusRule: { enabled: true },
    dashboard: { enabled: true },
  },
  podAnnotations: { note: 'x' },
  podLabels: { tier: 'inference' },
  nodeSelector: { pool: 'a100' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  affinity: { podAntiAffinity: {} },
  priorityClassName: 'high',
  extraVolumes: [{ name: 'scratch', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
} as const;

export const VALUES = {
  cpu: { access: KEYS },
  gpu: { access: KEYS, gpu: { enabled: true, runtimeClassName: 'nvidia' }, models: { source: 'pvc', pvc: { existingClaim: 'models', subPath: 'production' } } },
  redis: {
    access: OPEN,
    redis: { existingSecret: 'nestor-redis' },
    networkPolicy: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 6379, protocol: 'TCP' }] }] },
    server: { env: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector:4318' }], envFrom: [{ secretRef: { name: 'more' } }] },
  },
  tenants: {
    access: KEYS,
    tenants: {
      header: 'X-Tenant',
      settings: { default: { limits: { requests: '600/minute' } }, tenants: { search: { weight: 3, limits: { tokens: ['1000/second', '5000000/day'] } } } },
    },
  },
  hpa: { access: OPEN, autoscaling: { enabled: true }, redis: { deploy: true }, models: { source: 'pvc' } },
  keda: {
    access: KEYS,
    tls: { existingSecret: 'nestor-tls' },
    gpu: { enabled: true },
    autoscaling: { enabled: true, engine: 'keda', minReplicas: 1, targetQueueWaitSeconds: 0.25 },
    models: { source: 'oci', oci: { reference: 'registry.example.com/models:1' } },
    monitoring: { serviceMonitor: { enabled: true } },
  },
  kserve: {
    access: KEYS,
    deployment: { enabled: false },
    server: { envFrom: [{ secretRef: { name: 'more' } }] },
    kserve: { enabled: true, clusterWide: false, priority: 3 },
  },
  recreate: { access: KEYS, deployment: { strategy: { type: 'Recreate' } } },
  everything: EVERYTHING,
  /** KServe speaks no TLS to its pods. */
  beside: { ...EVERYTHING, tls: {}, kserve: { enabled: true } },
} as const;

export type ValueSet = keyof typeof VALUES;
