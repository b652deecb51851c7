{{/* The configuration that the pods read: `config` of the values and what the chart writes itself. */}}
{{- define "sluice.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "version" 1 -}}
{{- $_ := set $config "listeners" (include "sluice.listeners" . | fromYamlArray) -}}
{{- $_ := set $config "admin" (mergeOverwrite (deepCopy ($config.admin | default dict)) (include "sluice.admin" . | fromYaml)) -}}
{{- $_ := set $config "drain" (dict "delay" .Values.drain.delay "timeout" .Values.drain.timeout) -}}
{{- $_ := set $config "log" (mergeOverwrite (dict "format" "json") ($config.log | default dict)) -}}
{{- range $name, $total := .Values.budget.pools -}}
{{- $_ := set $config.pools $name (include "sluice.budgeted" (dict "root" $ "name" $name "total" (int64 $total)) | fromYaml) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "sluice.listeners" -}}
{{- range $protocol := list "postgresql" "mysql" -}}
{{- $its := index $.Values $protocol -}}
{{- if $its.enabled }}
- {{ dict "name" $protocol "protocol" $protocol "bind" (printf ":%d" (int64 $its.port)) "tls" (include "sluice.listenerTls" $ | fromYaml)
     | mergeOverwrite (deepCopy $its.options) | toYaml | nindent 2 | trim }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.listenerTls" -}}
mode: {{ .Values.tls.mode }}
{{- if ne .Values.tls.mode "disable" }}
cert_file: /etc/sluice/tls/tls.crt
key_file: /etc/sluice/tls/tls.key
{{- if hasPrefix "verify-" .Values.tls.mode }}
client_ca_file: /etc/sluice/client-ca/{{ .Values.tls.clientCa.key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "sluice.admin" -}}
http: ":{{ int64 .Values.admin.port }}"
socket: /run/sluice/admin.sock
{{- if .Values.admin.tls }}
tls:
  mode: require
  cert_file: /etc/sluice/tls/tls.crt
  key_file: /etc/sluice/tls/tls.key
{{- end }}
{{- end -}}

{{/* A pool with its part of the budget: (dict "root" . "name" POOL "total" N). Where the url names no user or no database there is a
     pool for each, and the sum over them is what is bounded. */}}
{{- define "sluice.budgeted" -}}
{{- $pool := deepCopy (get .root.Values.config.pools .name) -}}
{{- $part := div .total (include "sluice.livePods" .root | int64) -}}
{{- $named := include "sluice.urlNames" $pool -}}
{{- if eq $named "user database" -}}
{{- $_ := set $pool "pool_size" (sub $part ($pool.max_overflow | default 0 | int64)) -}}
{{- else if eq $named "database" -}}
{{- $_ := set $pool "max_db_connections" $part -}}
{{- else -}}
{{- $_ := set $pool "max_user_connections" $part -}}
{{- end -}}
{{- toYaml $pool -}}
{{- end -}}

{{/* What a pool's url names of "user database"; there is a pool for each value of what it leaves out. */}}
{{- define "sluice.urlNames" -}}
{{- $url := .url | default "" | toString -}}
{{- $user := regexMatch "://[^/?]*[^/?:@]+(:[^/?@]*)?@" $url | ternary "user" "" -}}
{{- $database := regexMatch "://[^/?]*/[^/?]+" $url | ternary "database" "" -}}
{{- list $user $database | compact | join " " -}}
{{- end -}}
