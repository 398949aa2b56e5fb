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

{{/* The environment; (list root port grpcPort modelPath) because KServe has ports and a path of its own. */}}
{{- define "nestor.env" -}}
{{- $root := index . 0 -}}
- { name: HOST, value: 0.0.0.0 }
- { name: PORT, value: {{ index . 1 | quote }} }
- { name: GRPC_PORT, value: {{ index . 2 | quote }} }
- { name: MODEL_REPOSITORY, value: {{ index . 3 | quote }} }
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
{{- if $root.Values.redis.deploy }}
- { name: REDIS_URL, value: "redis://{{ include "nestor.fullname" $root }}-redis:6379" }
{{- else if $root.Values.redis.existingSecret }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: { name: {{ $root.Values.redis.existingSecret }}, key: {{ $root.Values.redis.key }} }
{{- end }}
{{- with $root.Values.server.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* 95 % of items waited no longer than this for a batch; 0 where there is no traffic. */}}
{{- define "nestor.queueWaitQuery" -}}
histogram_quantile(0.95, sum by (le) (rate(nestor_queue_wait_seconds_bucket{namespace="{{ .Release.Namespace }}",service="{{ include "nestor.fullname" . }}"}[2m]))) >= 0 or vector(0)
{{- end }}
