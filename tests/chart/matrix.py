"""Values, each feature on or off, that the chart takes. Every set is rendered and held against every check of checks.py."""

import yaml
from chart import BASE, EXAMPLES, merged

_TLS = {"mode": "prefer", "existingSecret": "gateway-tls"}
_LOGIN = {"user": "app", "database": "pets", "passwordSecret": {"name": "sluice-users", "key": "app"}}
_EGRESS = [{"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"port": 5432, "protocol": "TCP"}]}]

FEATURES = {
    "base": {},
    "names": {"nameOverride": "pooler", "commonLabels": {"team": "data"}, "commonAnnotations": {"note": "x"}},
    "long-name": {"fullnameOverride": "a" * 52},
    "digest": {"image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]}},
    "one-replica": {"replicaCount": 1},
    "no-pdb": {"podDisruptionBudget": {"enabled": False}},
    "pdb-min": {"podDisruptionBudget": {"minAvailable": "50%"}},
    "pdb-one-replica": {"replicaCount": 1, "podDisruptionBudget": {"enabled": True}},
    "recreate": {"strategy": {"type": "Recreate"}},
    "on-delete": {"kind": "DaemonSet", "updateStrategy": {"type": "OnDelete", "rollingUpdate": {"maxUnavailable": 2}}},
    "odd-tag": {"image": {"tag": "_" + "a" * 61 + "-b.c"}},
    "daemonset": {"kind": "DaemonSet", "postgresql": {"service": {"spec": {"internalTrafficPolicy": "Local"}}}},
    "daemonset-pdb": {"kind": "DaemonSet", "podDisruptionBudget": {"minAvailable": 3}},
    "daemonset-surge": {"kind": "DaemonSet",
                        "updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
    "postgresql-only": {"mysql": {"enabled": False}},
    "mysql-only": {"postgresql": {"enabled": False}},
    "ports": {"postgresql": {"port": 5432, "service": {"port": 5432}},
              "mysql": {"port": 3306, "service": {"port": 3306}}, "admin": {"port": 8080}},
    "load-balancer": {"postgresql": {"service": {
        "type": "LoadBalancer", "nodePort": 30432, "annotations": {"example.com/internal": "true"},
        "spec": {"externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["10.0.0.0/8"]}}}},
    "existing-config": {"configMap": {"existing": "my-config", "key": "gateway.yaml"},
                        "config": {"pools": None, "users": None, "routes": None}},
    "secret-items": {"credentials": {"users": {"secretName": "sluice-users", "optional": True,
                                               "items": [{"key": "a", "path": "app", "mode": 288}]}}},
    "environment": {"extraEnv": [{"name": "PETS", "valueFrom": {"secretKeyRef": {"name": "pets-db", "key": "p"}}}],
                    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
                    "config": {"pools": {"more": {"url": "postgresql://app:${PETS}@pets-pg/pets"}}}},
    "rollout": {"reload": {"strategy": "rollout"}},
    "drain": {"drain": {"delay": "1500ms", "timeout": "10m"}},
    "grace": {"terminationGracePeriodSeconds": 300},
    "tls": {"tls": _TLS},
    "tls-clients": {"tls": {**_TLS, "mode": "verify-full", "clientCa": {"existingSecret": "clients", "key": "roots.pem"}}},
    "tls-admin": {"tls": {"existingSecret": "gateway-tls"}, "admin": {"tls": True}, "podMonitor": {"enabled": True}},
    "cert-manager": {"tls": {"mode": "require", "certManager": {"enabled": True,
                                                              "issuerRef": {"name": "internal", "kind": "ClusterIssuer"}}}},
    "cert-manager-names": {"tls": {"mode": "require", "certManager": {
        "enabled": True, "issuerRef": {"name": "internal"}, "dnsNames": ["db.example"], "duration": "24h",
        "renewBefore": "8h"}}},
    "hpa": {"autoscaling": {"enabled": True}},
    "hpa-waiting": {"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None,
                                    "targetPendingRequests": 5}},
    "keda": {"keda": {"enabled": True, "triggers": [
        {"type": "prometheus", "metadata": {"serverAddress": "http://prometheus:9090", "threshold": "10",
                                            "query": "sum(sluice_pool_pending_requests)"}}]}},
    "budget": {"budget": {"pools": {"pets": 100}}},
    "pod-monitor": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"},
                                   "relabelings": [{"action": "labeldrop", "regex": "pod"}]}},
    "service-monitor": {"serviceMonitor": {"enabled": True, "interval": "30s",
                                           "metricRelabelings": [{"action": "drop", "regex": "x", "sourceLabels": ["le"]}]}},
    "rules": {"prometheusRule": {"enabled": True, "labels": {"release": "prometheus"},
                                 "alertLabels": {"team": "data"},
                                 "extraGroups": [{"name": "mine", "rules": [{"record": "a:b", "expr": "vector(1)"}]}]}},
    "dashboard": {"dashboard": {"enabled": True, "annotations": {"grafana_folder": "Databases"}}},
    "network-policy": {"networkPolicy": {"enabled": True, "backends": _EGRESS,
                                         "monitoring": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]}},
    "tests": {"test": {"postgresql": _LOGIN, "mysql": _LOGIN}},
    "tests-tls": {"tls": _TLS, "test": {"postgresql": _LOGIN, "mysql": _LOGIN}},
    "tests-certificates": {
        "tls": {**_TLS, "mode": "verify-full", "clientCa": {"existingSecret": "clients"}},
        "test": {"postgresql": {**_LOGIN, "certificateSecret": "app-tls"}, "mysql": {**_LOGIN, "certificateSecret": "app-tls"}}},
    "test-postgresql": {"test": {"postgresql": _LOGIN}, "mysql": {"enabled": False}},
    "no-service-account": {"serviceAccount": {"create": False}},
    "service-account": {"serviceAccount": {"name": "gateway", "annotations": {"example.com/role": "db"}}},
    "placement": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                  "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "db", "operator": "Exists"}],
                  "priorityClassName": "high", "runtimeClassName": "gvisor", "dnsPolicy": "None",
                  "dnsConfig": {"nameservers": ["10.0.0.10"]}, "hostAliases": [{"ip": "10.1.1.1", "hostnames": ["db"]}]},
    "no-spread": {"topologySpreadConstraints": []},
    "extras": {"extraArgs": ["--help"], "extraPorts": [{"name": "more", "containerPort": 7000}],
               "extraVolumes": [{"name": "trust", "configMap": {"name": "{{ .Release.Name }}-trust"}}],
               "extraVolumeMounts": [{"name": "trust", "mountPath": "/etc/trust"}],
               "podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}, "workloadLabels": {"e": "f"},
               "workloadAnnotations": {"g": "h"},
               "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-own"},
                                 "data": {"k": "v"}},
                                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: text}\ndata: {k: v}\n"]},
    "containers": {
        "initContainers": [{"name": "wait", "image": "registry.example/wait",
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
        "sidecars": [{"name": "ship", "image": "registry.example/ship:{{ .Chart.AppVersion }}",
                      "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]},
    "large-numbers": {"config": {"limits": {"max_client_connections": 10000000},
                                 "pools": {"pets": {"max_waiting": 10000000}}}},
}

SETS = {name: merged(BASE, over) for name, over in FEATURES.items()}
SETS.update({f"example-{path.stem}": yaml.safe_load(path.read_text()) for path in EXAMPLES})
