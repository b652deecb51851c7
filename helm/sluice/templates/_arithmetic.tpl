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

{{/* Pods that a roll-out starts beyond those. */}}
{{- define "sluice.surgePods" -}}
{{- $strategy := ternary .Values.updateStrategy .Values.strategy (eq .Values.kind "DaemonSet") -}}
{{- if ne ($strategy.type | default "RollingUpdate") "RollingUpdate" -}}
0
{{- else -}}
{{- $preset := ternary "0" "25%" (eq .Values.kind "DaemonSet") -}}
{{- $rolling := $strategy.rollingUpdate | default dict -}}
{{- $surge := hasKey $rolling "maxSurge" | ternary $rolling.maxSurge $preset | toString -}}
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
{{- $strategy := ternary .Values.updateStrategy .Values.strategy (eq .Values.kind "DaemonSet") -}}
{{- if ne ($strategy.type | default "RollingUpdate") "RollingUpdate" -}}
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
{{- $strategy := ternary .Values.updateStrategy .Values.strategy (eq .Values.kind "DaemonSet") -}}
{{- $rolling := $strategy.rollingUpdate | default dict -}}
{{- $preset := ternary "0" "25%" (eq .Values.kind "DaemonSet") -}}
{{- $away := hasKey $rolling "maxUnavailable" | ternary $rolling.maxUnavailable $preset | toString -}}
{{- if hasSuffix "%" $away -}}
{{- $away = div (mul $steady (trimSuffix "%" $away | int64)) 100 -}}
{{- end -}}
{{- min $steady (add (include "sluice.surgePods" . | int64) (int64 $away)) -}}
{{- end -}}

{{/* More than one pod may be there: what a PodDisruptionBudget is for. */}}
{{- define "sluice.severalPods" -}}
{{- if or (eq .Values.kind "DaemonSet") (gt (include "sluice.steadyPods" . | int64) 1) -}}true{{- end -}}
{{- end -}}
