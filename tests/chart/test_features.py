"""Each feature is there when it is asked for, and not when it is not."""

import json
import re

import checks
import pytest
import yaml
from chart import CHART, render
from matrix import FEATURES

# What adds an object of this kind to the base.
ADDS = {
    "cert-manager": "Certificate", "hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject", "network-policy": "NetworkPolicy",
    "pod-monitor": "PodMonitor", "rules": "PrometheusRule", "service-monitor": "ServiceMonitor", "tests": "Pod",
}


def rendered(name: str):
    return render(FEATURES[name])


@pytest.mark.parametrize("feature", ADDS)
def test_an_option_adds_its_object_and_the_base_has_none(feature):
    assert not render().all(ADDS[feature])
    assert len(rendered(feature).all(ADDS[feature])) == 1


def test_the_base_has_two_replicas_that_are_replaced_without_a_gap():
    spec = render().workload["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert render().one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("feature, disruption", [
    ("one-replica", None), ("no-pdb", None), ("pdb-one-replica", ("maxUnavailable", 1)), ("pdb-min", ("minAvailable", "50%")),
    ("daemonset", None), ("daemonset-pdb", ("minAvailable", 3)), ("hpa", ("maxUnavailable", 1))])
def test_a_disruption_budget_where_there_may_be_several_pods(feature, disruption):
    found = rendered(feature).all("PodDisruptionBudget")
    assert bool(found) == (disruption is not None)
    if disruption:
        assert {key: found[0]["spec"].get(key) for key in ("maxUnavailable", "minAvailable") if key in found[0]["spec"]} == \
            dict([disruption])


def test_only_a_rolling_update_has_numbers():
    """Kubernetes refuses them with Recreate, and takes 25% and 1 where a RollingUpdate has none."""
    assert rendered("recreate").workload["spec"]["strategy"] == {"type": "Recreate"}
    assert rendered("on-delete").workload["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert rendered("daemonset").workload["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert render({"strategy": {"rollingUpdate": None}}).workload["spec"]["strategy"]["rollingUpdate"] == {
        "maxUnavailable": "25%", "maxSurge": "25%"}


def test_a_service_for_each_protocol_and_one_for_the_admin_port():
    def ports(feature):
        return {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in rendered(feature).all("Service")}
    assert ports("base") == {"gw-sluice-postgresql": 6432, "gw-sluice-mysql": 6033, "gw-sluice-admin": 9127}
    assert ports("postgresql-only") == {"gw-sluice-postgresql": 6432, "gw-sluice-admin": 9127}
    assert ports("ports") == {"gw-sluice-postgresql": 5432, "gw-sluice-mysql": 3306, "gw-sluice-admin": 8080}
    balancer = rendered("load-balancer").one("Service", "-postgresql")
    assert balancer["spec"]["type"] == "LoadBalancer" and balancer["spec"]["externalTrafficPolicy"] == "Local"
    assert balancer["spec"]["ports"][0]["nodePort"] == 30432
    assert balancer["metadata"]["annotations"] == {"example.com/internal": "true"}


def test_the_configuration_has_what_the_values_say_and_what_the_chart_knows():
    config = render().config
    assert [one["bind"] for one in config["listeners"]] == [":6432", ":6033"]
    assert config["admin"] == {"http": ":9127", "socket": "/run/sluice/admin.sock"}
    assert config["drain"] == {"delay": "5s", "timeout": "60s"}
    assert config["log"] == {"format": "json"}
    assert set(config["pools"]) == {"pets", "pets_mysql"}
    assert render({"config": {"log": {"format": "text", "level": "debug"}, "admin": {"readiness": {"backends": "all"}}}}
                  ).config["admin"]["readiness"] == {"backends": "all"}


def test_a_listener_has_what_is_given_beside_the_chart():
    first, second = rendered("proxy-protocol").config["listeners"]
    assert first["proxy_protocol"] == {"trusted": ["10.0.0.0/28", "2001:db8::/64"]} and first["bind"] == ":6432"
    assert "proxy_protocol" not in second


def test_large_numbers_stay_whole():
    text = rendered("large-numbers").one("ConfigMap")["data"]["sluice.yaml"]
    assert re.search(r"max_waiting: 10000000$", text, re.M) and re.search(r"max_client_connections: 10000000$", text, re.M)


def test_an_existing_configmap_is_mounted_and_none_is_made():
    release = rendered("existing-config")
    assert not release.all("ConfigMap")
    assert release.pod["volumes"][0]["configMap"]["name"] == "my-config"
    assert release.container["args"] == ["run", "-c", "/etc/sluice/config/gateway.yaml"]


def test_credentials_are_files_of_existing_secrets():
    release = rendered("secret-items")
    volume = next(one for one in release.pod["volumes"] if one["name"] == "credentials-users")
    assert volume["secret"] == {"secretName": "sluice-users", "defaultMode": 0o440, "optional": True,
                                "items": [{"key": "a", "path": "app", "mode": 0o440}]}
    assert not render().all("Secret")


def test_tls_of_clients_comes_from_a_secret():
    release = rendered("tls-clients")
    assert release.config["listeners"][0]["tls"] == {
        "mode": "verify-full", "cert_file": "/etc/sluice/tls/tls.crt", "key_file": "/etc/sluice/tls/tls.key",
        "client_ca_file": "/etc/sluice/client-ca/roots.pem"}
    assert render().config["listeners"][0]["tls"] == {"mode": "disable"}


def test_cert_manager_writes_the_secret_that_is_mounted():
    release = rendered("cert-manager")
    certificate = release.one("Certificate")["spec"]
    assert certificate["secretName"] in [v.get("secret", {}).get("secretName") for v in release.pod["volumes"]]
    assert "gw-sluice-postgresql.databases.svc" in certificate["dnsNames"]
    assert certificate["issuerRef"] == {"name": "internal", "kind": "ClusterIssuer"}
    assert rendered("cert-manager-names").one("Certificate")["spec"]["dnsNames"] == ["db.example"]


def test_admin_over_tls_is_probed_and_scraped_over_tls():
    release = rendered("tls-admin")
    assert release.config["admin"]["tls"]["mode"] == "require"
    assert release.container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    scraped = release.one("PodMonitor")["spec"]["podMetricsEndpoints"][0]
    assert scraped["scheme"] == "https" and scraped["tlsConfig"]["ca"]["secret"] == {"name": "gateway-tls", "key": "ca.crt"}
    own = render({**FEATURES["tls-admin"], "podMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}}})
    assert own.one("PodMonitor")["spec"]["podMetricsEndpoints"][0]["tlsConfig"] == {"insecureSkipVerify": True}


@pytest.mark.parametrize("feature, grace", [("base", 70), ("drain", 607), ("grace", 300)])
def test_the_grace_period_is_what_the_drain_takes(feature, grace):
    assert rendered(feature).pod["terminationGracePeriodSeconds"] == grace


def test_a_change_of_the_configuration_replaces_pods_only_with_rollout():
    changed, rollout = {"config": {"limits": {"max_client_connections": 5}}}, FEATURES["rollout"]
    watched, rolled = (render(changed), render({**rollout, **changed}))
    assert watched.workload["spec"]["template"] == render().workload["spec"]["template"]
    assert rolled.workload["spec"]["template"] != rendered("rollout").workload["spec"]["template"]
    before, after = rendered("rollout").one("ConfigMap"), rolled.one("ConfigMap")
    assert before["immutable"] and after["immutable"] and "immutable" not in watched.one("ConfigMap")
    assert before["metadata"]["name"] != after["metadata"]["name"]
    assert rolled.pod["volumes"][0]["configMap"]["name"] == after["metadata"]["name"]


def test_scalers_replace_the_number_of_replicas():
    for feature in ("hpa", "hpa-waiting", "keda"):
        assert "replicas" not in rendered(feature).workload["spec"], feature
    metrics = rendered("hpa-waiting").one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [one["type"] for one in metrics] == ["Pods"] and metrics[0]["pods"]["metric"]["name"] == "sluice_pool_pending_requests"
    assert rendered("hpa").one("HorizontalPodAutoscaler")["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_a_daemonset_has_neither_replicas_nor_spread():
    release = rendered("daemonset")
    assert release.workload["kind"] == "DaemonSet" and "updateStrategy" in release.workload["spec"]
    assert not {"replicas", "strategy", "progressDeadlineSeconds"} & set(release.workload["spec"])
    assert "topologySpreadConstraints" not in release.pod


def test_pods_are_spread_softly_over_nodes_and_zones():
    spread = render().pod["topologySpreadConstraints"]
    assert [(one["topologyKey"], one["whenUnsatisfiable"]) for one in spread] == [
        ("kubernetes.io/hostname", "ScheduleAnyway"), ("topology.kubernetes.io/zone", "ScheduleAnyway")]
    assert "topologySpreadConstraints" not in rendered("no-spread").pod


def test_the_network_policy_parts_sql_from_metrics():
    spec = rendered("network-policy").one("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    sql, admin = spec["ingress"]
    assert [port["port"] for port in sql["ports"]] == ["postgresql", "mysql"]
    assert [port["port"] for port in admin["ports"]] == ["admin"]
    dns, backends = spec["egress"]
    assert {port["port"] for port in dns["ports"]} == {53} and backends["ports"] == [{"port": 5432, "protocol": "TCP"}]
    alone = render({"networkPolicy": {**FEATURES["network-policy"]["networkPolicy"], "monitoring": []}})
    assert len(alone.one("NetworkPolicy")["spec"]["ingress"]) == 1


def test_the_shipped_alerts_are_in_the_rule_with_labels_of_ones_own():
    shipped = yaml.safe_load((CHART / "files/alerts.yaml").read_text())["groups"]
    groups = rendered("rules").one("PrometheusRule")["spec"]["groups"]
    assert [one["name"] for one in groups] == [one["name"] for one in shipped] + ["mine"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    assert len(alerts) >= 10
    for group in shipped:
        for rule in group["rules"]:
            if "alert" in rule:
                assert alerts[rule["alert"]]["expr"] == rule["expr"]
                assert alerts[rule["alert"]]["annotations"] == rule["annotations"]
                assert alerts[rule["alert"]]["labels"] == {**rule.get("labels", {}), "team": "data"}


def test_an_alert_can_be_left_out():
    name = next(iter(re.findall(r"alert: (\w+)", (CHART / "files/alerts.yaml").read_text())))
    text = render({"prometheusRule": {"enabled": True, "disabledAlerts": [name]}}).text
    assert f"alert: {name}\n" not in text and "alert: " in text


def test_the_dashboard_is_found_by_grafanas_sidecar():
    found = rendered("dashboard").one("ConfigMap", "-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"] == {"grafana_folder": "Databases"}
    assert json.loads(found["data"]["sluice.json"]) == json.loads((CHART / "files/dashboard.json").read_text())
    assert len(render().all("ConfigMap")) == 1


def test_helm_test_logs_in_through_both_services_with_our_own_binary():
    release = rendered("tests")
    pod = release.one("Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    container = pod["spec"]["containers"][0]
    assert container["image"] == release.container["image"]
    assert container["args"] == ["check", "--connect", "-c", "/etc/sluice/config/sluice.yaml"]
    config = yaml.safe_load(release.one("ConfigMap", "-test")["data"]["sluice.yaml"])
    assert {name: pool["url"] for name, pool in config["pools"].items()} == {
        "postgresql": "postgresql://app@gw-sluice-postgresql:6432/pets", "mysql": "mysql://app@gw-sluice-mysql:6033/pets"}
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert all(pool["password_file"].rsplit("/", 1)[0] in mounted for pool in config["pools"].values())
    assert len(yaml.safe_load(rendered("test-postgresql").one("ConfigMap", "-test")["data"]["sluice.yaml"])["pools"]) == 1


def test_helm_test_speaks_tls_where_clients_can():
    def pools(feature):
        return yaml.safe_load(rendered(feature).one("ConfigMap", "-test")["data"]["sluice.yaml"])["pools"]
    assert all("tls" not in pool for pool in pools("tests").values())
    assert all(pool["tls"] == {"mode": "require"} for pool in pools("tests-tls").values())
    shown = pools("tests-certificates")["mysql"]["tls"]
    assert shown == {"mode": "require", "cert_file": "/etc/sluice/certificates/mysql/tls.crt",
                     "key_file": "/etc/sluice/certificates/mysql/tls.key"}
    pod = rendered("tests-certificates").one("Pod")["spec"]
    volume = next(one["name"] for one in pod["containers"][0]["volumeMounts"]
                  if one["mountPath"] == "/etc/sluice/certificates/mysql")
    assert next(one["secret"]["secretName"] for one in pod["volumes"] if one["name"] == volume) == "app-tls"


def test_what_is_given_beside_the_chart_arrives():
    release = rendered("extras")
    assert release.container["args"][-1] == "--help"
    assert {one["metadata"]["name"] for one in release.all("ConfigMap")} >= {"gw-own", "text"}
    assert any(one.get("configMap", {}).get("name") == "gw-trust" for one in release.pod["volumes"])
    assert release.workload["metadata"]["annotations"]["g"] == "h"
    beside = rendered("containers").pod
    assert [one["name"] for one in beside["containers"]] == ["sluice", "ship"]
    assert [one["name"] for one in beside["initContainers"]] == ["wait"]


def test_a_native_sidecar_goes_with_the_versions_that_know_it():
    init = {"name": "proxy", "image": "registry.example/p", "restartPolicy": "Always"}
    assert list(checks.schemas(render({"initContainers": [init]}), ("1.29", "1.33", "1.37"))) == []


@pytest.mark.parametrize("image, whole", [
    ({}, "registry.example/sluice:0.1.0"), ({"tag": "1.2"}, "registry.example/sluice:1.2"),
    ({"tag": "1.2", "digest": "sha256:" + "a" * 64}, "registry.example/sluice@sha256:" + "a" * 64)])
def test_a_digest_wins_over_the_tag(image, whole):
    assert render({"image": image}).container["image"] == whole
