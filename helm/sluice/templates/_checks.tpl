{{/* Values that contradict each other are refused here, each with what to do; the schema has refused wrong types and names. */}}
{{- define "sluice.checks" -}}
{{- include "sluice.checkConfig" . -}}
{{- include "sluice.checkServices" . -}}
{{- include "sluice.checkTls" . -}}
{{- include "sluice.checkPods" . -}}
{{- include "sluice.checkBudget" . -}}
{{- include "sluice.checkCompanions" . -}}
{{- end -}}

{{- define "sluice.checkConfig" -}}
{{- $v := .Values -}}
{{- if not (or $v.postgresql.enabled $v.mysql.enabled) -}}
{{- fail "postgresql.enabled and mysql.enabled are both false: nobody could connect" -}}
{{- end -}}
{{- $ports := list (int64 $v.admin.port) -}}
{{- range $protocol := list "postgresql" "mysql" -}}
{{- $its := index $v $protocol -}}
{{- if $its.enabled -}}
{{- if has (int64 $its.port) $ports -}}
{{- fail (printf "%s.port is %d, which another listener has" $protocol (int64 $its.port)) -}}
{{- end -}}
{{- $ports = append $ports (int64 $its.port) -}}
{{- range $key := list "name" "protocol" "bind" "tls" -}}
{{- if hasKey $its.options $key -}}
{{- fail (printf "%s.options.%s is written by the chart: leave it out" $protocol $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $written := or $v.config.pools $v.config.users $v.config.routes -}}
{{- if and $v.configMap.existing $written -}}
{{- fail "configMap.existing and config both hold a configuration: leave one of them out" -}}
{{- end -}}
{{- if not (or $v.configMap.existing $v.config.pools) -}}
{{- fail "config.pools is empty: a gateway needs a pool, or configMap.existing with a configuration" -}}
{{- end -}}
{{- if and (not $v.configMap.existing) (not $v.config.routes) -}}
{{- fail "config.routes is empty: every session would be refused" -}}
{{- end -}}
{{- if and $v.configMap.existing (eq $v.reload.strategy "rollout") -}}
{{- fail "reload.strategy rollout needs the configuration in config: the chart does not see a change of configMap.existing" -}}
{{- end -}}
{{- $inline := include "sluice.inlineSecrets" (dict "at" "config" "value" $v.config) | trim -}}
{{- if $inline -}}
{{- fail (printf "%s would put a secret into a ConfigMap: use credentials and the key's _file twin, or ${VAR} with extraEnv" (splitList "\n" $inline | join ", ")) -}}
{{- end -}}
{{- range regexFindAll "/run/secrets/sluice/[^/\"' ]+" (toYaml $v.config) -1 | uniq -}}
{{- $name := trimPrefix "/run/secrets/sluice/" . -}}
{{- if not (hasKey $v.credentials $name) -}}
{{- fail (printf "config names a file in %s, but there is no credentials.%s" . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The places below `at` that hold a secret in clear, a line each: all that is not variables and files alone, without a default. */}}
{{- define "sluice.inlineSecrets" -}}
{{- $elsewhere := "^([$][{](file:[^}]+|[A-Za-z_][A-Za-z0-9_]*(:-)?)[}])+$" -}}
{{- $secrets := list "password" "scram_verifier" "md5_hash" "mysql_native_hash" "caching_sha2_hash" "hmac_sha256_secret" "tokens" -}}
{{- $at := .at -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- $here := printf "%s.%s" $at $key -}}
{{- if and (has $key $secrets) $value (not (regexMatch $elsewhere (toString $value))) -}}
{{- printf "%s\n" $here -}}
{{- else if and (eq $key "url") (kindIs "string" $value) (regexMatch "://[^/?@:]*:[^/?@]+@" $value) -}}
{{- if not (regexMatch $elsewhere (regexReplaceAll "^.*://[^/?@:]*:([^/?@]+)@.*$" $value "${1}")) -}}
{{- printf "%s\n" $here -}}
{{- end -}}
{{- else -}}
{{- include "sluice.inlineSecrets" (dict "at" $here "value" $value) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "sluice.inlineSecrets" (dict "at" (printf "%s[%d]" $at $index) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.checkServices" -}}
{{- if not (regexMatch "^[a-z]" (include "sluice.fullname" .)) -}}
{{- fail (printf "names of Services begin with a letter, %s does not: set fullnameOverride" (include "sluice.fullname" .)) -}}
{{- end -}}
{{- range $protocol := list "postgresql" "mysql" -}}
{{- $its := (index $.Values $protocol).service -}}
{{- if and $its.nodePort (eq $its.type "ClusterIP") -}}
{{- fail (printf "%s.service.nodePort needs type NodePort or LoadBalancer" $protocol) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.checkTls" -}}
{{- $tls := .Values.tls -}}
{{- if and $tls.existingSecret $tls.certManager.enabled -}}
{{- fail "tls.existingSecret and tls.certManager.enabled both give the certificate: leave one of them out" -}}
{{- end -}}
{{- $given := or $tls.existingSecret $tls.certManager.enabled -}}
{{- if and (include "sluice.hasTls" .) (not $given) -}}
{{- fail "tls.mode and admin.tls need a certificate: tls.existingSecret or tls.certManager" -}}
{{- end -}}
{{- if and $given (not (include "sluice.hasTls" .)) -}}
{{- fail "a certificate is given, but tls.mode is disable: nobody would use it" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef.name is needed" -}}
{{- end -}}
{{- if and (hasPrefix "verify-" $tls.mode) (not $tls.clientCa.existingSecret) -}}
{{- fail (printf "tls.mode %s needs tls.clientCa.existingSecret" $tls.mode) -}}
{{- end -}}
{{- if and $tls.clientCa.existingSecret (not (hasPrefix "verify-" $tls.mode)) -}}
{{- fail (printf "tls.clientCa.existingSecret has no effect with tls.mode %s" $tls.mode) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.checkPods" -}}
{{- $v := .Values -}}
{{- $least := include "sluice.leastGrace" . | int64 -}}
{{- if lt (include "sluice.grace" . | int64) $least -}}
{{- fail (printf "terminationGracePeriodSeconds %s is less than drain.delay + drain.timeout + 5 s = %d: transactions would be killed" (include "sluice.grace" .) $least) -}}
{{- end -}}
{{- $strategy := include "sluice.strategy" . | fromYaml -}}
{{- if $strategy.rollingUpdate -}}
{{- $surges := not (regexMatch "^0+%?$" (toString $strategy.rollingUpdate.maxSurge)) -}}
{{- $leaves := not (regexMatch "^0+%?$" (toString $strategy.rollingUpdate.maxUnavailable)) -}}
{{- if not (or $surges $leaves) -}}
{{- fail (printf "%s.rollingUpdate: maxSurge and maxUnavailable are both 0: no pod could be replaced" (ternary "updateStrategy" "strategy" (eq $v.kind "DaemonSet"))) -}}
{{- end -}}
{{- if and $surges $leaves (eq $v.kind "DaemonSet") -}}
{{- fail "updateStrategy.rollingUpdate: maxSurge needs maxUnavailable: 0" -}}
{{- end -}}
{{- end -}}
{{- $budget := $v.podDisruptionBudget -}}
{{- if not (or (kindIs "invalid" $budget.minAvailable) (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- fail "podDisruptionBudget takes one of minAvailable and maxUnavailable" -}}
{{- end -}}
{{- $bounded := not (and (kindIs "invalid" $budget.minAvailable) (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- $wanted := kindIs "invalid" $budget.enabled | ternary $bounded $budget.enabled -}}
{{- if and (eq $v.kind "DaemonSet") $wanted (not (regexMatch "^[0-9]+$" ($budget.minAvailable | toString))) -}}
{{- fail "podDisruptionBudget of a DaemonSet needs minAvailable as a whole number: Kubernetes knows no other bound for its pods, and would evict none" -}}
{{- end -}}
{{- if and $v.autoscaling.enabled $v.keda.enabled -}}
{{- fail "autoscaling.enabled and keda.enabled both scale: leave one of them out" -}}
{{- end -}}
{{- range $scaler := list "autoscaling" "keda" -}}
{{- $its := index $v $scaler -}}
{{- if $its.enabled -}}
{{- if eq $v.kind "DaemonSet" -}}
{{- fail (printf "%s.enabled does not go with kind DaemonSet" $scaler) -}}
{{- end -}}
{{- if gt (int64 $its.minReplicas) (int64 $its.maxReplicas) -}}
{{- fail (printf "%s.minReplicas is more than maxReplicas" $scaler) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.keda.enabled (not $v.keda.triggers) -}}
{{- fail "keda.triggers is empty: nothing would ever scale" -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (kindIs "invalid" $v.autoscaling.targetCPUUtilizationPercentage) (kindIs "invalid" $v.autoscaling.targetPendingRequests) (not $v.autoscaling.metrics) -}}
{{- fail "autoscaling has no metric: set a target or metrics" -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (not (kindIs "invalid" $v.autoscaling.targetCPUUtilizationPercentage)) (not ($v.resources.requests | default dict).cpu) -}}
{{- fail "autoscaling.targetCPUUtilizationPercentage is a part of resources.requests.cpu, which is not set" -}}
{{- end -}}
{{- end -}}

{{- define "sluice.checkBudget" -}}
{{- $pods := include "sluice.livePods" . | int64 -}}
{{- if and .Values.budget.pools .Values.configMap.existing -}}
{{- fail "budget.pools needs the configuration in config: the chart cannot change configMap.existing" -}}
{{- end -}}
{{- if and .Values.budget.pools (eq $pods 0) -}}
{{- fail "budget.pools needs to know how many pods there may be: set budget.maxPods (the nodes of a DaemonSet)" -}}
{{- end -}}
{{- range $name, $total := .Values.budget.pools -}}
{{- $pool := get $.Values.config.pools $name -}}
{{- if not $pool -}}
{{- fail (printf "budget.pools.%s: there is no config.pools.%s" $name $name) -}}
{{- end -}}
{{- range $key := list "pool_size" "max_db_connections" "max_user_connections" -}}
{{- if hasKey $pool $key -}}
{{- fail (printf "budget.pools.%s and config.pools.%s.%s both bound it: leave one of them out" $name $name $key) -}}
{{- end -}}
{{- end -}}
{{- $overflow := $pool.max_overflow | default 0 | int64 -}}
{{- if lt $overflow 0 -}}
{{- fail (printf "budget.pools.%s: config.pools.%s.max_overflow -1 has no bound" $name $name) -}}
{{- end -}}
{{- if not (include "sluice.urlNames" $pool) -}}
{{- fail (printf "budget.pools.%s: its url names neither user nor database, so nothing bounds it" $name) -}}
{{- end -}}
{{- range $schedule := $.Values.config.schedules -}}
{{- if and (eq $schedule.pool $name) (eq (include "sluice.urlNames" $pool) "user database") (or (hasKey $schedule "pool_size") (hasKey $schedule "max_overflow")) -}}
{{- fail (printf "budget.pools.%s: an entry of config.schedules resizes the pool beyond what the budget knows: leave one of them out" $name) -}}
{{- end -}}
{{- end -}}
{{- if lt (sub (div (int64 $total) $pods) $overflow) 1 -}}
{{- fail (printf "budget.pools.%s: %d connections over %d pods leave less than one for each (max_overflow %d): raise it, or have fewer pods" $name (int64 $total) $pods $overflow) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.checkCompanions" -}}
{{- $v := .Values -}}
{{- if and $v.podMonitor.enabled $v.serviceMonitor.enabled -}}
{{- fail "podMonitor and serviceMonitor would both scrape: leave one of them out" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.backends) -}}
{{- fail "networkPolicy.backends is empty: no backend could be reached" -}}
{{- end -}}
{{- range $monitor := list "podMonitor" "serviceMonitor" -}}
{{- if and (index $v $monitor).enabled $v.networkPolicy.enabled (not (or $v.networkPolicy.monitoring $v.networkPolicy.extraIngress)) -}}
{{- fail (printf "networkPolicy.monitoring is empty: %s could not reach the admin port" $monitor) -}}
{{- end -}}
{{- end -}}
{{- range $protocol := list "postgresql" "mysql" -}}
{{- $its := index $v.test $protocol -}}
{{- if $its.user -}}
{{- if not (index $v $protocol).enabled -}}
{{- fail (printf "test.%s has a user, but %s.enabled is false" $protocol $protocol) -}}
{{- end -}}
{{- if not $its.passwordSecret.name -}}
{{- fail (printf "test.%s.passwordSecret.name is needed" $protocol) -}}
{{- end -}}
{{- if not $its.database -}}
{{- fail (printf "test.%s.database is needed" $protocol) -}}
{{- end -}}
{{- if and (hasPrefix "verify-" $v.tls.mode) (not $its.certificateSecret) -}}
{{- fail (printf "test.%s.certificateSecret is needed: tls.mode %s takes no client without a certificate" $protocol $v.tls.mode) -}}
{{- end -}}
{{- if and $its.certificateSecret (not (hasPrefix "verify-" $v.tls.mode)) -}}
{{- fail (printf "test.%s.certificateSecret has no effect with tls.mode %s" $protocol $v.tls.mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
