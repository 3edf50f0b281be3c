{{- define "pgo.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "pgo.selector" -}}
app.kubernetes.io/name: pgo
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pgo.labels" -}}
{{ include "pgo.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* One, where `--reuse-values` brings the values of a chart that did not know of more. */}}
{{- define "pgo.replicas" -}}{{ .Values.replicas | default 1 }}{{- end -}}

{{/* As PGO_CONTROLLER_LEASE_NAME of `env` says, if it does. */}}
{{- define "pgo.lease" -}}
{{- $name := "cpk-leader-election-lease" -}}
{{- range .Values.env }}{{ if eq .name "PGO_CONTROLLER_LEASE_NAME" }}{{ $name = .value }}{{ end }}{{ end -}}
{{ $name }}
{{- end -}}

{{- define "pgo.account" -}}
{{- if .Values.serviceAccount.create -}}{{ .Values.serviceAccount.name | default (include "pgo.name" .) }}
{{- else -}}{{ .Values.serviceAccount.name | default "default" }}{{- end -}}
{{- end -}}

{{/* Those that `--reuse-values` brings from a chart that did not know of them are as they were: off. */}}
{{- define "pgo.guardedMetrics" -}}
{{- if .Values.metrics.authentication }}true{{ end -}}
{{- end -}}

{{/* Cluster-wide, so two releases must not share it. */}}
{{- define "pgo.viewer" -}}{{ include "pgo.name" . }}-{{ .Release.Namespace }}-viewer{{- end -}}

{{- define "pgo.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What the operator may do where PostgresClusters are. The last rules are those that it hands on to
     the instances' own account: nobody may give what he does not have. */}}
{{- define "pgo.rules" -}}
- apiGroups: [postgres-operator.crunchydata.com]
  resources: [postgresclusters]
  verbs: [get, list, watch, patch]
- apiGroups: [postgres-operator.crunchydata.com]
  resources: [postgresclusters/status, postgresclusters/finalizers]
  verbs: [get, patch, update]
- apiGroups: [""]
  resources: [configmaps, endpoints, persistentvolumeclaims, secrets, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [""]
  resources: [endpoints/restricted]
  verbs: [create]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods/exec]
  verbs: [get, create]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
