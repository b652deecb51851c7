{{/* The pod's template, the same for Deployment and DaemonSet. */}}
{{- define "sluice.podTemplate" -}}
metadata:
  labels:
    {{- include "sluice.podLabels" . | nindent 4 }}
  {{- with include "sluice.podAnnotations" . }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "sluice.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "sluice.grace" . }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - {{- include "sluice.container" . | nindent 6 }}
    {{- with .Values.sidecars }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "sluice.volumes" . | nindent 4 }}
  {{- include "sluice.placement" . | nindent 2 }}
{{- end -}}

{{- define "sluice.podLabels" -}}
{{- toYaml (mergeOverwrite (dict) .Values.commonLabels .Values.podLabels (include "sluice.selector" . | fromYaml)
      (dict "app.kubernetes.io/version" (include "sluice.version" .))) -}}
{{- end -}}

{{- define "sluice.podAnnotations" -}}
{{- $own := dict "kubectl.kubernetes.io/default-container" "sluice" -}}
{{- toYaml (mergeOverwrite (dict) .Values.commonAnnotations .Values.podAnnotations $own) -}}
{{- end -}}

{{- define "sluice.container" -}}
name: sluice
image: {{ include "sluice.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - run
  - -c
  - /etc/sluice/config/{{ .Values.configMap.key }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  # Where `kubectl exec POD -- sluice ctl` finds the process.
  - name: SLUICE_ADMIN
    value: unix:/run/sluice/admin.sock
  {{- with .Values.extraEnv }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
ports:
  {{- range $protocol := list "postgresql" "mysql" }}
  {{- $its := index $.Values $protocol }}
  {{- if $its.enabled }}
  - name: {{ $protocol }}
    containerPort: {{ int64 $its.port }}
    protocol: TCP
  {{- end }}
  {{- end }}
  - name: admin
    containerPort: {{ int64 .Values.admin.port }}
    protocol: TCP
  {{- with .Values.extraPorts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- range $probe, $path := dict "startup" "/startupz" "readiness" "/readyz" "liveness" "/livez" }}
{{ $probe }}Probe:
  httpGet:
    path: {{ $path }}
    port: admin
    scheme: {{ ternary "HTTPS" "HTTP" $.Values.admin.tls }}
  {{- with index $.Values.probes $probe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  {{- include "sluice.volumeMounts" . | nindent 2 }}
{{- end -}}

{{/* Whole directories, never a subPath: what Kubernetes changes in them reaches the running process. */}}
{{- define "sluice.volumeMounts" -}}
- name: config
  mountPath: /etc/sluice/config
  readOnly: true
{{- if include "sluice.hasTls" . }}
- name: tls
  mountPath: /etc/sluice/tls
  readOnly: true
{{- end }}
{{- if .Values.tls.clientCa.existingSecret }}
- name: client-ca
  mountPath: /etc/sluice/client-ca
  readOnly: true
{{- end }}
{{- range $name, $_ := .Values.credentials }}
- name: credentials-{{ $name }}
  mountPath: /run/secrets/sluice/{{ $name }}
  readOnly: true
{{- end }}
- name: run
  mountPath: /run/sluice
- name: tmp
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sluice.volumes" -}}
- name: config
  configMap:
    name: {{ include "sluice.configMapName" . }}
{{- if include "sluice.hasTls" . }}
- name: tls
  secret:
    secretName: {{ include "sluice.tlsSecretName" . }}
    defaultMode: 0440
{{- end }}
{{- if .Values.tls.clientCa.existingSecret }}
- name: client-ca
  secret:
    secretName: {{ .Values.tls.clientCa.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- range $name, $its := .Values.credentials }}
- name: credentials-{{ $name }}
  secret:
    secretName: {{ $its.secretName }}
    defaultMode: 0440
    {{- with $its.items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if $its.optional }}
    optional: true
    {{- end }}
{{- end }}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.tmpSizeLimit }}
{{- with .Values.extraVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "sluice.placement" -}}
{{- range $key := list "affinity" "nodeSelector" "tolerations" "dnsConfig" "hostAliases" -}}
{{- with index $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "dnsPolicy" -}}
{{- with index $.Values $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
{{- with include "sluice.topologySpread" . }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Soft, over nodes and zones, each version of the pods by itself; a DaemonSet has its own way. */}}
{{- define "sluice.topologySpread" -}}
{{- if not (kindIs "invalid" .Values.topologySpreadConstraints) -}}
{{- with .Values.topologySpreadConstraints -}}
{{- toYaml . -}}
{{- end -}}
{{- else if eq .Values.kind "Deployment" -}}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "sluice.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end -}}
{{- end -}}
{{- end -}}
