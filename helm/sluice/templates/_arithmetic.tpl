{{/* Seconds, rounded up, of a duration as sluice writes it: 500ms, 30s, 10m, 2h, 1d. */}}
{{- define "sluice.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{- div (add $number 999) 1000 -}}
{{- else -}}
{{- mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}
{{- end -}}
{{- end -}}

{{/* What the drain takes, and five seconds to leave. */}}
{{- define "sluice.leastGrace" -}}
{{- add (include "sluice.seconds" .Values.drain.delay) (include "sluice.seconds" .Values.drain.timeout) 5 -}}
{{- end -}}

{{- define "sluice.grace" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- include "sluice.leastGrace" . -}}
{{- else -}}
{{- int64 .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- define "sluice.minReadySeconds" -}}
{{- if not (kindIs "invalid" .Values.minReadySeconds) -}}
{{- int64 .Values.minReadySeconds -}}
{{- else if .Values.budget.pools -}}
{{- include "sluice.grace" . -}}
{{- else -}}
0
{{- end -}}
{{- end -}}

{{/* Pods when nothing is being replaced, at most; 0 = the chart cannot know. */}}
{{- define "sluice.steadyPods" -}}
{{- if not (kindIs "invalid" .Values.budget.maxPods) -}}
{{- int64 .Values.budget.maxPods -}}
{{- else if eq .Values.kind "DaemonSet" -}}
0
{{- else if .Values.autoscaling.enabled -}}
{{- int64 .Values.autoscaling.maxReplicas -}}
{{- else if .Values.keda.enabled -}}
{{- int64 .Values.keda.maxReplicas -}}
{{- else -}}
{{- int64 .Values.replicaCount -}}
{{- end -}}
{{- end -}}

{{/* How pods are replaced, with the numbers that Kubernetes takes where none are given; only a RollingUpdate has any. */}}
{{- define "sluice.strategy" -}}
{{- $daemon := eq .Values.kind "DaemonSet" -}}
{{- $its := ternary .Values.updateStrategy .Values.strategy $daemon -}}
{{- $type := $its.type | default "RollingUpdate" -}}
type: {{ $type }}
{{- if eq $type "RollingUpdate" }}
{{- $rolling := $its.rollingUpdate | default dict }}
rollingUpdate:
  maxUnavailable: {{ kindIs "invalid" $rolling.maxUnavailable | ternary (ternary "1" "25%" $daemon) $rolling.maxUnavailable }}
  maxSurge: {{ kindIs "invalid" $rolling.maxSurge | ternary (ternary "0" "25%" $daemon) $rolling.maxSurge }}
{{- end }}
{{- end -}}

{{/* Pods that a roll-out starts beyond those. */}}
{{- define "sluice.surgePods" -}}
{{- $strategy := include "sluice.strategy" . | fromYaml -}}
{{- if ne $strategy.type "RollingUpdate" -}}
0
{{- else -}}
{{- $surge := toString $strategy.rollingUpdate.maxSurge -}}
{{- if hasSuffix "%" $surge -}}
{{- div (add (mul (include "sluice.steadyPods" . | int64) (trimSuffix "%" $surge | int64)) 99) 100 -}}
{{- else -}}
{{- int64 $surge -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Pods that may be alive at a time. Kubernetes does not count those that are ending: with enough minReadySeconds a roll-out
     ends no more than the surge (or, without one, maxUnavailable, whose places are already counted) at a time, else all. */}}
{{- define "sluice.livePods" -}}
{{- $steady := include "sluice.steadyPods" . | int64 -}}
{{- $surge := include "sluice.surgePods" . | int64 -}}
{{- if ne (include "sluice.strategy" . | fromYaml).type "RollingUpdate" -}}
{{- $steady -}}
{{- else if and (eq .Values.kind "DaemonSet") (eq $surge 0) -}}
{{- $steady -}}
{{- else if ge (include "sluice.minReadySeconds" . | int64) (include "sluice.grace" . | int64) -}}
{{- add $steady $surge (include "sluice.endingPods" .) -}}
{{- else -}}
{{- add $steady $surge $steady -}}
{{- end -}}
{{- end -}}

{{/* Pods that a roll-out ends at a time when it waits for the next ones: surge and maxUnavailable. */}}
{{- define "sluice.endingPods" -}}
{{- $steady := include "sluice.steadyPods" . | int64 -}}
{{- $away := (include "sluice.strategy" . | fromYaml).rollingUpdate.maxUnavailable | toString -}}
{{- if hasSuffix "%" $away -}}
{{- $away = div (mul $steady (trimSuffix "%" $away | int64)) 100 -}}
{{- end -}}
{{- min $steady (add (include "sluice.surgePods" . | int64) (int64 $away)) -}}
{{- end -}}

{{/* "true" when the PodDisruptionBudget needs all the pods that there are at the least. */}}
{{- define "sluice.neverEvicts" -}}
{{- $its := .Values.podDisruptionBudget -}}
{{- $least := .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicaCount | int64 -}}
{{- if .Values.keda.enabled -}}
{{- $least = int64 .Values.keda.minReplicas -}}
{{- end -}}
{{- $needed := toString $its.minAvailable -}}
{{- $all := and (regexMatch "^[0-9]+$" $needed) (eq .Values.kind "Deployment") (ge (int64 $needed) $least) -}}
{{- if and (ne (toString $its.enabled) "false") (or $all (eq $needed "100%") (regexMatch "^0+%?$" (toString $its.maxUnavailable))) -}}true{{- end -}}
{{- end -}}

{{/* More than one pod may be there: what a PodDisruptionBudget is for. */}}
{{- define "sluice.severalPods" -}}
{{- if or (eq .Values.kind "DaemonSet") (gt (include "sluice.steadyPods" . | int64) 1) -}}true{{- end -}}
{{- end -}}
