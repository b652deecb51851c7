{{/* A configuration whose pools are the Services: (dict "root" . "logins" PROTOCOL-to-login). A connection is good when it has
     logged in and run init_sql. The listeners are there because a configuration must have some;
     nothing listens during a check. */}}
{{- define "sluice.testConfig" -}}
version: 1
listeners:
  {{- range $protocol, $_ := .logins }}
  - {name: {{ $protocol }}, protocol: {{ $protocol }}, bind: "unix:/tmp/{{ $protocol }}"}
  {{- end }}
pools:
  {{- range $protocol, $login := .logins }}
  {{- $service := printf "%s-%s" (include "sluice.fullname" $.root) $protocol }}
  {{ $protocol }}:
    url: "{{ $protocol }}://{{ $login.user | urlquery | replace "+" "%20" }}@{{ $service }}:{{ int64 (index $.root.Values $protocol).service.port }}/{{ $login.database | urlquery | replace "+" "%20" }}"
    password_file: /run/secrets/sluice/{{ $protocol }}/{{ $login.passwordSecret.key }}
    {{- if ne $.root.Values.tls.mode "disable" }}
    tls:
      mode: require
      {{- if $login.certificateSecret }}
      cert_file: /etc/sluice/certificates/{{ $protocol }}/tls.crt
      key_file: /etc/sluice/certificates/{{ $protocol }}/tls.key
      {{- end }}
    {{- end }}
    pool_size: 1
    init_sql: SELECT 1
  {{- end }}
users: []
routes:
  {{- range $protocol, $_ := .logins }}
  - {name: {{ $protocol }}, match: {protocol: {{ $protocol }}}, pool: {{ $protocol }}}
  {{- end }}
{{- end -}}
