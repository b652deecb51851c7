"""The checks are worth something: a template that is broken on purpose does not pass them."""

import os
import shutil

import checks
import pytest
from chart import CHART, Refused, render
from matrix import SETS

# file of templates/, what stands there, what is put in its place, values that show it
BREAKS = [
    ("_pod.tpl", "path: {{ $path }}", "path: /", "base"),
    ("_pod.tpl", "httpGet:\n    path: {{ $path }}\n    port: admin\n    scheme: {{ ternary \"HTTPS\" \"HTTP\" $.Values.admin.tls }}",
     "tcpSocket: {port: postgresql}", "base"),
    ("_pod.tpl", "terminationGracePeriodSeconds: {{ include \"sluice.grace\" . }}", "terminationGracePeriodSeconds: 30", "base"),
    ("_pod.tpl", "automountServiceAccountToken: {{ .Values.serviceAccount.automount }}", "automountServiceAccountToken: true", "base"),
    ("_pod.tpl", "  securityContext:\n    {{- toYaml .Values.podSecurityContext | nindent 4 }}\n", "", "base"),
    ("_pod.tpl", "securityContext:\n  {{- toYaml .Values.securityContext | nindent 2 }}\n", "", "base"),
    ("_pod.tpl", "mountPath: /etc/sluice/config\n", "mountPath: /etc/sluice/config/sluice.yaml\n  subPath: sluice.yaml\n", "base"),
    ("_pod.tpl", "mountPath: /run/secrets/sluice/{{ $name }}", "mountPath: /run/secrets/{{ $name }}", "base"),
    ("_pod.tpl", "    defaultMode: 0440\n    {{- with $its.items }}", "    defaultMode: 0444\n    {{- with $its.items }}", "base"),
    ("_pod.tpl", "sizeLimit: {{ .Values.tmpSizeLimit }}", "size: {{ .Values.tmpSizeLimit }}", "base"),
    ("_pod.tpl", "containerPort: {{ int64 $its.port }}", "containerPort: {{ $its.port | quote }}", "base"),
    ("_pod.tpl", "- name: client-ca\n  mountPath: /etc/sluice/client-ca", "- name: client-ca\n  mountPath: /etc/sluice/ca", "tls-clients"),
    ("_pod.tpl", "scheme: {{ ternary \"HTTPS\" \"HTTP\" $.Values.admin.tls }}", "scheme: HTTP", "tls-admin"),
    ("_pod.tpl", "matchLabelKeys: [pod-template-hash]", "matchLabelKey: [pod-template-hash]", "base"),
    ("_pod.tpl", "(include \"sluice.selector\" . | fromYaml)", "(dict)", "base"),
    ("_names.tpl", "app.kubernetes.io/instance: {{ .Release.Name }}\napp", "app", "base"),
    ("monitors.yaml", "app.kubernetes.io/component: admin", "app.kubernetes.io/part-of: x", "service-monitor"),
    ("_config.tpl", "bind\" (printf \":%d\"", "bind\" (printf \"%d\"", "base"),
    ("_config.tpl", "\"delay\" .Values.drain.delay", "\"delays\" .Values.drain.delay", "base"),
    ("_config.tpl", "http: \":", "https: \":", "base"),
    ("_arithmetic.tpl", "(include \"sluice.seconds\" .Values.drain.timeout) 5", "5", "base"),
    ("_arithmetic.tpl", "{{- if eq $type \"RollingUpdate\" }}", "{{- if $type }}", "recreate"),
    ("_names.tpl", "(include \"sluice.version\" $root)", "($root.Values.image.tag | default $root.Chart.AppVersion | trunc 63)", "odd-tag"),
    ("workload.yaml", "revisionHistoryLimit", "revisionHistory", "base"),
    ("workload.yaml", "{{ ternary \"updateStrategy\" \"strategy\" $daemon }}", "strategy", "daemonset"),
    ("workload.yaml", "(or $daemon .Values.autoscaling.enabled", "(or $daemon", "hpa"),
    ("services.yaml", "targetPort: {{ $protocol }}", "targetPort: sql", "base"),
    ("services.yaml", "\"%s-admin\"", "\"%s-postgresql\"", "base"),
    ("services.yaml", "appProtocol: tcp", "appProtocols: tcp", "base"),
    ("serviceaccount.yaml", "\"name\" (include \"sluice.serviceAccountName\" .)", "\"name\" \"other\"", "base"),
    ("configmap.yaml", "(include \"sluice.configMapName\" .)", "(include \"sluice.fullname\" .)", "rollout"),
    ("poddisruptionbudget.yaml", "matchLabels", "labels", "base"),
    ("scaling.yaml", "averageUtilization: {{ int64", "averageUtilization: {{ quote", "hpa"),
    ("scaling.yaml", "name: {{ include \"sluice.fullname\" $ }}\n  minReplicaCount", "name: other\n  minReplicaCount", "keda"),
    ("networkpolicy.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: Ingress", "network-policy"),
    ("networkpolicy.yaml", "    matchLabels:\n      {{- include \"sluice.selector\" $ | nindent 6 }}", "    matchLabels: {app: x}", "network-policy"),
    ("tests/login.yaml", "      securityContext:\n        {{- toYaml .Values.securityContext | nindent 8 }}\n", "", "tests"),
    ("tests/_config.tpl", "password_file", "password", "tests"),
    ("tests/_config.tpl", "routes:", "routs:", "tests"),
]


@pytest.mark.parametrize("file, good, bad, values", BREAKS, ids=[f"{one[0]}: {one[1][:40]!r}" for one in BREAKS])
def test_a_broken_template_is_found(tmp_path, file, good, bad, values):
    chart = tmp_path / "sluice"
    shutil.copytree(CHART, chart)
    path = chart / "templates" / file
    text = path.read_text()
    assert good in text, "the template has changed: break it in another place"
    path.write_text(text.replace(good, bad))
    try:
        found = checks.problems(render({}, SETS[values], chart))
    except Refused:
        return
    if not found and file.endswith("_config.tpl") and not os.environ.get("SLUICE_BINARY"):
        pytest.skip("only sluice itself sees it: SLUICE_BINARY is not set")
    assert found
