"""Values that are wrong or contradict each other are refused, with a sentence that names them."""

import copy
import re

import pytest
from chart import BASE, CHART, ROOT, merged, refusal, render
from matrix import FEATURES

_ISSUER = {"enabled": True, "issuerRef": {"name": "x"}}

CONTRADICTIONS = [
    ({"postgresql": {"enabled": False}, "mysql": {"enabled": False}}, "nobody could connect"),
    ({"mysql": {"port": 6432}}, "mysql.port is 6432, which another listener has"),
    ({"admin": {"port": 6033}}, "mysql.port is 6033, which another listener has"),
    ({"postgresql": {"options": {"bind": ":1"}}}, "postgresql.options.bind is written by the chart"),
    ({"configMap": {"existing": "x"}}, "configMap.existing and config both hold a configuration"),
    ({"config": {"pools": None}}, "config.pools is empty"),
    ({"config": {"routes": []}}, "config.routes is empty"),
    (merged(FEATURES["existing-config"], {"reload": {"strategy": "rollout"}}), "rollout needs the configuration in config"),
    (merged(FEATURES["existing-config"], {"budget": {"pools": {"pets": 9}}}), "budget.pools needs the configuration in config"),
    ({"config": {"pools": {"pets": {"password": "hunter2"}}}}, "config.pools.pets.password would put a secret into a ConfigMap"),
    ({"config": {"pools": {"pets": {"url": "postgresql://app:hunter2@h/d"}}}}, "config.pools.pets.url would put a secret"),
    ({"config": {"pools": {"pets": {"url": "postgresql://app:hunter2$@h/d"}}}}, "config.pools.pets.url would"),
    ({"config": {"pools": {"pets": {"url": "postgresql://app:${PW:-hunter2}@h/d"}}}}, "pets.url would put"),
    ({"config": {"pools": {"pets": {"password": "${PW:-hunter2}"}}}}, "pets.password would put"),
    ({"config": {"pools": {"pets": {"password": "${PW}hunter2"}}}}, "pets.password would"),
    ({"config": {"users": [{"name": "a", "scram_verifier": "SCRAM-SHA-256$..."}]}}, "config.users[0].scram_verifier"),
    ({"config": {"middleware": [{"require_token": {"hmac_sha256_secret": "x" * 32}}]}},
     "config.middleware[0].require_token.hmac_sha256_secret"),
    ({"config": {"users": [{"name": "a", "password_file": "/run/secrets/sluice/gone/a"}]}}, "there is no credentials.gone"),
    ({"tls": {"mode": "prefer"}}, "need a certificate"),
    ({"admin": {"tls": True}}, "need a certificate"),
    ({"tls": {"existingSecret": "x"}}, "nobody would use it"),
    ({"tls": {"mode": "require", "existingSecret": "x", "certManager": _ISSUER}}, "leave one of them out"),
    ({"tls": {"mode": "require", "certManager": {"enabled": True}}}, "issuerRef.name is needed"),
    ({"tls": {"mode": "verify-ca", "existingSecret": "x"}}, "needs tls.clientCa.existingSecret"),
    ({"tls": {"mode": "require", "existingSecret": "x", "clientCa": {"existingSecret": "y"}}}, "has no effect"),
    ({"terminationGracePeriodSeconds": 69}, "69 is less than drain.delay + drain.timeout + 5 s = 70"),
    ({"drain": {"timeout": "2m"}, "terminationGracePeriodSeconds": 100}, "= 130"),
    ({"fullnameOverride": "9gates"}, "names of Services begin with a letter, 9gates does not"),
    ({"mysql": {"service": {"nodePort": 30306}}}, "mysql.service.nodePort needs type NodePort or LoadBalancer"),
    ({"strategy": {"rollingUpdate": {"maxSurge": 0}}}, "strategy.rollingUpdate: maxSurge and maxUnavailable are both 0"),
    ({"strategy": {"rollingUpdate": {"maxSurge": "0%"}}}, "are both 0: no pod could be replaced"),
    ({"kind": "DaemonSet", "updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}}, "updateStrategy.rollingUpdate: maxSurge and"),
    ({"kind": "DaemonSet", "updateStrategy": {"rollingUpdate": {"maxSurge": 1}}}, "maxSurge needs maxUnavailable: 0"),
    ({"podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}, "one of minAvailable and maxUnavailable"),
    ({"kind": "DaemonSet", "podDisruptionBudget": {"enabled": True}}, "needs minAvailable as a whole number"),
    ({"kind": "DaemonSet", "podDisruptionBudget": {"maxUnavailable": 1}}, "needs minAvailable as a whole number"),
    ({"kind": "DaemonSet", "podDisruptionBudget": {"minAvailable": "50%"}}, "needs minAvailable as a whole number"),
    ({"autoscaling": {"enabled": True}, "keda": {"enabled": True}}, "both scale"),
    ({"autoscaling": {"enabled": True}, "kind": "DaemonSet"}, "does not go with kind DaemonSet"),
    ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas is more than maxReplicas"),
    ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None}}, "autoscaling has no metric"),
    ({"keda": {"enabled": True}}, "keda.triggers is empty"),
    ({"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}, "would both scrape"),
    ({"networkPolicy": {"enabled": True}}, "networkPolicy.backends is empty"),
    ({"networkPolicy": {"enabled": True, "backends": [{"ports": [{"port": 5432}]}]}, "podMonitor": {"enabled": True}},
     "networkPolicy.monitoring is empty: podMonitor could not reach the admin port"),
    ({"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}}, "a part of resources.requests.cpu, which is not set"),
    ({"test": {"mysql": {"user": "app", "database": "d"}}}, "test.mysql.passwordSecret.name is needed"),
    ({"test": {"mysql": {"user": "app", "passwordSecret": {"name": "s"}}}}, "test.mysql.database is needed"),
    ({"mysql": {"enabled": False}, "test": {"mysql": {"user": "app"}}}, "mysql.enabled is false"),
    (merged(FEATURES["tests-certificates"], {"test": {"mysql": {"certificateSecret": None}}}), "test.mysql.certificateSecret is needed"),
    (merged(FEATURES["tests-tls"], {"test": {"mysql": {"certificateSecret": "x"}}}), "has no effect with tls.mode prefer"),
]


@pytest.mark.parametrize("values, words", CONTRADICTIONS, ids=[words for _, words in CONTRADICTIONS])
def test_a_contradiction_is_refused_with_a_sentence(values, words):
    said = refusal(values)
    assert words in said
    assert "hunter2" not in said


WRONG = [
    {"replicas": 3}, {"kind": "StatefulSet"}, {"replicaCount": "two"}, {"replicaCount": -1}, {"image": {"tagg": "x"}},
    {"image": {"digest": "sha256:abc"}}, {"image": {"repository": ""}}, {"image": {"pullPolicy": "Sometimes"}},
    {"postgresql": {"port": 0}}, {"mysql": {"port": 70000}}, {"mysql": {"service": {"type": "ExternalName"}}},
    {"admin": {"http": ":1"}}, {"tls": {"mode": "on"}}, {"config": {"listeners": []}}, {"config": {"version": 2}},
    {"config": {"drain": {}}}, {"config": {"poolz": {}}}, {"config": {"admin": {"http": ":1"}}},
    {"config": {"pools": {"a b": {}}}}, {"credentials": {"x": {}}}, {"credentials": {"x": {"secretName": ""}}},
    {"credentials": {"X_y": {"secretName": "s"}}}, {"reload": {"strategy": "never"}}, {"drain": {"delay": 5}},
    {"drain": {"timeout": "1m30s"}}, {"terminationGracePeriodSeconds": "70"}, {"budget": {"pools": {"pets": 0}}},
    {"budget": {"pools": {"pets": "many"}}}, {"strategy": {"type": "Blue"}}, {"autoscaling": {"maxReplicas": 0}},
    {"podDisruptionBudget": {"maxUnavailable": "half"}}, {"probes": {"readiness": {"tcpSocket": {}}}},
    {"probes": {"liveness": {"successThreshold": 2}}}, {"probes": {"readiness": {"terminationGracePeriodSeconds": 5}}},
    {"image": {"tag": ".hidden"}},
    {"networkPolicy": {"backends": [{"to": []}]}}, {"podMonitor": {"interval": 15}}, {"test": {"oracle": {}}},
    {"extraEnv": {"A": "b"}}, {"podLabels": {"a": 1}}, {"fullnameOverride": "Not_Allowed"}, {"tmpSizeLimit": "lots"},
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_a_wrong_value_or_name_is_refused_by_the_schema(values):
    assert "values don't meet the specifications of the schema" in refusal(values)


def test_secrets_by_variable_are_taken():
    render({"config": {"users": [{"name": "a", "password": "${APP_PASSWORD}"}]}})
    render({"config": {"pools": {"more": {"url": "postgresql://app:${PW}@h/d"}}}})
    render({"config": {"pools": {"more": {"url": "postgresql://app@h/d", "password": "${file:/run/secrets/sluice/pets/password}"}}}})


def test_every_secret_of_the_configuration_is_refused_in_clear():
    """A key that becomes a secret one day must come to the chart's list."""
    documents = [(ROOT / f"docs/{name}.md").read_text() for name in ("configuration", "middleware")]
    keys = {key for text in documents for key in re.findall(r"^\| `(\w+)` \| secret ", text, re.M)}
    assert {"password", "scram_verifier", "tokens"} <= keys
    for key in sorted(keys):
        assert f".{key} would put a secret into a ConfigMap" in refusal({"config": {"middleware": [{"any": {key: "hunter2"}}]}})


def test_nothing_of_the_values_is_forgotten_by_the_schema():
    """Each default is of the schema, and each property of the schema has a default."""
    import json

    import yaml
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(its: dict, value: dict, at: str):
        its = schema["definitions"][its["$ref"].rsplit("/", 1)[1]] if "$ref" in its else its
        if "properties" not in its or at in free:
            return
        assert its["additionalProperties"] is False, at
        unset = set(its["properties"]) - set(value)
        assert unset <= absent.get(at, set()), f"{at}: no default of {unset}"
        for key, inner in value.items():
            if isinstance(inner, dict):
                compare(its["properties"][key], inner, f"{at}.{key}" if at else key)

    free = {"tls.certManager.issuerRef", "strategy", "updateStrategy", "probes.startup", "probes.readiness", "probes.liveness",
            "config"}
    absent = {"": {"global"}}
    compare(schema, values, "")


def test_the_defaults_alone_are_refused_by_what_is_missing():
    assert "config.pools is empty" in refusal({}, {"image": copy.deepcopy(BASE["image"])})
