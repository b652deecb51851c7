{{/* Names and labels. Room is left for the longest suffix, "-postgresql". */}}

{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{/* What every object's metadata begin with: (dict "root" . "name" ... "labels" ... "annotations" ... "component" ...) */}}
{{- define "sluice.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (include "sluice.fullname" $root) }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- $own := dict
        "app.kubernetes.io/name" (include "sluice.name" $root)
        "app.kubernetes.io/instance" $root.Release.Name
        "app.kubernetes.io/component" (.component | default "gateway")
        "app.kubernetes.io/version" (include "sluice.version" $root)
        "app.kubernetes.io/managed-by" $root.Release.Service
        "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63) }}
  {{- toYaml (mergeOverwrite (dict) $root.Values.commonLabels (.labels | default dict) $own) | nindent 2 }}
{{- with mergeOverwrite (dict) $root.Values.commonAnnotations (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sluice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "sluice.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The tag as a label may hold it: 63 characters that begin and end with a letter or digit. */}}
{{- define "sluice.version" -}}
{{- regexReplaceAll "^[^A-Za-z0-9]+|[^A-Za-z0-9]+$" (.Values.image.tag | default .Chart.AppVersion | trunc 63) "" -}}
{{- end -}}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* With rollout each configuration is a ConfigMap of its own, so that only the pods that were made for it ever see it. */}}
{{- define "sluice.configMapName" -}}
{{- if .Values.configMap.existing -}}
{{- .Values.configMap.existing -}}
{{- else if eq .Values.reload.strategy "rollout" -}}
{{- printf "%s-%s" (include "sluice.fullname" .) (include "sluice.config" . | sha256sum | trunc 10) -}}
{{- else -}}
{{- include "sluice.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "sluice.tlsSecretName" -}}
{{- .Values.tls.existingSecret | default (printf "%s-tls" (include "sluice.fullname" .)) -}}
{{- end -}}

{{/* "true" when the pods have a certificate. */}}
{{- define "sluice.hasTls" -}}
{{- if or (ne .Values.tls.mode "disable") .Values.admin.tls -}}true{{- end -}}
{{- end -}}
