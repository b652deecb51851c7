{{/* What the pods may open, as NOTES.txt tells it. */}}
{{- define "sluice.budgetNotes" -}}
{{- $pods := include "sluice.livePods" . | int64 -}}
{{- if .Values.configMap.existing -}}
Backend connections: as ConfigMap {{ .Values.configMap.existing }} says, times {{ if $pods }}{{ $pods }} pods{{ else }}the number of nodes{{ end }}.
{{- else -}}
Backend connections{{ if $pods }}, with up to {{ $pods }} pods alive at a time (of those, {{ include "sluice.steadyPods" . }} when nothing is being replaced){{ else }}, per pod{{ end }}:
{{- $config := include "sluice.config" . | fromYaml -}}
{{- range $name, $pool := $config.pools }}
{{- $budget := get $.Values.budget.pools $name }}
{{- $overflow := $pool.max_overflow | default 0 | int64 }}
{{- $bound := $pool.max_db_connections | default $pool.max_user_connections }}
{{- $each := $bound | default (add ($pool.pool_size | default 20 | int64) $overflow) | int64 }}
  {{ $name }}: {{ if lt $overflow 0 }}without bound{{ else }}{{ $each }} per pod{{ if $pods }}, {{ mul $each $pods }} in all{{ end }}{{ end }}
  {{- if $budget }} of a budget of {{ int64 $budget }}
  {{- else if ne (include "sluice.urlNames" $pool) "user database" }} for each user and database that clients name (no budget)
  {{- else }} (no budget){{ end }}
{{- end }}
{{- end -}}
{{- end -}}
