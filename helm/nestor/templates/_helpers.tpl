{{- define "nestor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "nestor.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "nestor.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "nestor.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "nestor.selector" -}}
app.kubernetes.io/name: {{ include "nestor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{/* Labels of every object but pods' selectors; the component stands in the selector of each workload. */}}
{{- define "nestor.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: nestor
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "nestor.labels" -}}
{{ include "nestor.selector" . }}
{{ include "nestor.commonLabels" . }}
{{- end }}

{{- define "nestor.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default (printf "%s%s" $.Chart.AppVersion (ternary "-gpu" "" $.Values.gpu.enabled)) .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "nestor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "nestor.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Pod Security, profile restricted. */}}
{{- define "nestor.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "nestor.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Limits and requests, with the one GPU of a GPU pod. */}}
{{- define "nestor.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- if .Values.gpu.enabled }}
{{- $gpu := dict .Values.gpu.resource 1 }}
{{- $_ := set $resources "limits" (merge $gpu (default dict $resources.limits)) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* What the small pods beside the server need to be pulled and to find a node. */}}
{{- define "nestor.schedulable" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Which nodes: those that are asked for, and with a GPU those that have one. */}}
{{- define "nestor.placement" -}}
{{- with merge (deepCopy .Values.nodeSelector) (ternary .Values.gpu.nodeSelector dict .Values.gpu.enabled) }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat .Values.tolerations (ternary .Values.gpu.tolerations list .Values.gpu.enabled) }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The environment but for the ports; (list root modelPath) because KServe has a path of its own. */}}
{{- define "nestor.env" -}}
{{- $root := index . 0 -}}
- { name: HOST, value: {{ $root.Values.server.host | quote }} }
- { name: MODEL_REPOSITORY, value: {{ index . 1 | quote }} }
- { name: CACHE_DIR, value: {{ $root.Values.cache.path | quote }} }
- { name: LOG_LEVEL, value: {{ $root.Values.server.logLevel }} }
- { name: BODY_LIMIT_BYTES, value: {{ int64 $root.Values.server.bodyLimitBytes | quote }} }
- { name: ADMIN_API, value: {{ ternary "on" "off" $root.Values.server.adminApi | quote }} }
{{- with $root.Values.tenants.header }}
- { name: TENANT_HEADER, value: {{ . | quote }} }
{{- end }}
- { name: TEI_API, value: {{ ternary "on" "off" $root.Values.server.teiApi | quote }} }
- { name: DRAIN_SECONDS, value: {{ $root.Values.shutdown.drainSeconds | quote }} }
- { name: SHUTDOWN_GRACE_SECONDS, value: {{ $root.Values.shutdown.graceSeconds | quote }} }
{{- include "nestor.accessEnv" $root }}
{{- if $root.Values.redis.existingSecret }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: { name: {{ $root.Values.redis.existingSecret }}, key: {{ $root.Values.redis.key }} }
{{- end }}
{{- with $root.Values.server.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Who may come in, and over what. */}}
{{- define "nestor.accessEnv" -}}
{{- $access := .Values.access }}
{{- $jwt := $access.jwt }}
{{- $tokens := or $jwt.issuer $jwt.audience $jwt.jwksUrl }}
{{- if and $access.open (or $access.existingSecret $tokens) }}
{{- fail "access.open lets everybody in, and access.existingSecret or access.jwt says who may come in: leave one of them out" }}
{{- end }}
{{- if not (or $access.open $access.existingSecret $tokens) }}
{{- fail "access: say who may come in. access.existingSecret names a Secret with keys, access.jwt an issuer of tokens, and access.open=true lets everybody in who reaches the port" }}
{{- end }}
{{- if and $tokens (not (and $jwt.issuer $jwt.audience $jwt.jwksUrl)) }}
{{- fail "access.jwt needs issuer, audience and jwksUrl, all three" }}
{{- end }}
{{- if and .Values.tls.clientCaSecret (not .Values.tls.existingSecret) }}
{{- fail "tls.clientCaSecret asks clients for certificates, which needs TLS: name the server's in tls.existingSecret" }}
{{- end }}
{{- if $access.open }}
- { name: ACCESS, value: open }
{{- end }}
{{- if $access.existingSecret }}
- { name: ACCESS_KEYS_FILE, value: {{ printf "/etc/nestor/access/%s" $access.key | quote }} }
{{- end }}
{{- if $tokens }}
- { name: JWT_ISSUER, value: {{ $jwt.issuer | quote }} }
- { name: JWT_AUDIENCE, value: {{ $jwt.audience | quote }} }
- { name: JWT_JWKS_URL, value: {{ $jwt.jwksUrl | quote }} }
{{- end }}
- { name: OPEN_ROUTES, value: {{ join "," $access.openRoutes | quote }} }
- { name: AUDIT_LOG, value: {{ $access.auditLog | quote }} }
{{- if .Values.tls.existingSecret }}
- { name: TLS_CERT_FILE, value: /etc/nestor/tls/tls.crt }
- { name: TLS_KEY_FILE, value: /etc/nestor/tls/tls.key }
{{- end }}
{{- if .Values.tls.clientCaSecret }}
- { name: TLS_CLIENT_CA_FILE, value: /etc/nestor/client-ca/ca.crt }
{{- end }}
{{- end }}

{{/* What those read: folders, not single files, so that a change of the Secret reaches a pod that runs. */}}
{{- define "nestor.accessMounts" -}}
{{- if .Values.access.existingSecret }}
- { name: access, mountPath: /etc/nestor/access, readOnly: true }
{{- end }}
{{- if .Values.tls.existingSecret }}
- { name: tls, mountPath: /etc/nestor/tls, readOnly: true }
{{- end }}
{{- if .Values.tls.clientCaSecret }}
- { name: client-ca, mountPath: /etc/nestor/client-ca, readOnly: true }
{{- end }}
{{- end }}

{{- define "nestor.accessVolumes" -}}
{{- if .Values.access.existingSecret }}
- { name: access, secret: { secretName: {{ .Values.access.existingSecret }} } }
{{- end }}
{{- if .Values.tls.existingSecret }}
- { name: tls, secret: { secretName: {{ .Values.tls.existingSecret }} } }
{{- end }}
{{- if .Values.tls.clientCaSecret }}
- { name: client-ca, secret: { secretName: {{ .Values.tls.clientCaSecret }} } }
{{- end }}
{{- end }}

{{/* Of probes and scrapes. */}}
{{- define "nestor.scheme" -}}
{{ ternary "HTTPS" "HTTP" (ne .Values.tls.existingSecret "") }}
{{- end }}

{{/* 95 % of items waited no longer than this for a batch; 0 where there is no traffic, and nothing where no pod answers Prometheus. */}}
{{- define "nestor.queueWaitQuery" -}}
histogram_quantile(0.95, sum by (le) (rate(nestor_queue_wait_seconds_bucket{namespace="{{ .Release.Namespace }}",service="{{ include "nestor.fullname" . }}"}[2m]))) >= 0 or sum(up{namespace="{{ .Release.Namespace }}",service="{{ include "nestor.fullname" . }}"} == 1) * 0
{{- end }}
