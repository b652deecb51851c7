"""What a real API server says of the rendered objects: it validates each whole, admits pods under Pod Security
"restricted", and keeps a release while its values change. `kubectl create` and `apply` are asked here alone: also with
--dry-run=client and --validate=false they ask a server first which kinds there are."""

import copy
import json

import pytest
from api_server import NAMESPACE, ApiServer, missing
from chart import merged, render
from matrix import FEATURES, SETS

if missing():
    pytest.skip(missing(), allow_module_level=True)

KINDS = ("deployments", "daemonsets", "services", "configmaps", "serviceaccounts", "poddisruptionbudgets",
         "horizontalpodautoscalers", "networkpolicies", "podmonitors", "servicemonitors", "prometheusrules", "certificates",
         "scaledobjects")


@pytest.fixture(scope="module")
def server():
    with ApiServer() as it:
        yield it


@pytest.mark.parametrize("name", SETS)
def test_it_takes_every_set_without_a_warning(server, name):
    assert server.tried(render({}, SETS[name]).text) == ""


def pod_of(name: str) -> dict:
    """A pod of the workload, as a controller would make it."""
    template = copy.deepcopy(render({}, SETS[name]).workload["spec"]["template"])
    template["spec"]["serviceAccountName"] = "default"
    for key in ("priorityClassName", "runtimeClassName"):  # objects of a cluster
        template["spec"].pop(key, None)
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": f"pod-{name}",
                                                                       "namespace": NAMESPACE}}


@pytest.mark.parametrize("name", SETS)
def test_its_pods_are_admitted_where_restricted_is_enforced(server, name):
    server.create(pod_of(name))


def test_what_is_not_restricted_is_not_admitted(server):
    for loosen in (lambda spec: spec.pop("securityContext"), lambda spec: spec["containers"][0].pop("securityContext")):
        pod = pod_of("base")
        loosen(pod["spec"])
        assert 'violates PodSecurity "restricted' in server.tried(json.dumps(pod))


def _workload(**spec) -> dict:
    return merged(render().workload, {"spec": spec})


def _probe(name: str, **fields) -> dict:
    one = copy.deepcopy(render().workload)
    one["spec"]["template"]["spec"]["containers"][0][f"{name}Probe"].update(fields)
    return one


def _service(**over) -> dict:
    return merged(render().one("Service", "-mysql"), over)


_DAEMON = {"kind": "DaemonSet"}
REFUSED = [
    (_workload(strategy={"type": "Recreate"}), "may not be specified when strategy `type` is 'Recreate'"),
    (_workload(strategy={"rollingUpdate": {"maxSurge": 0}}), "may not be 0 when `maxSurge` is 0"),
    (merged(render(_DAEMON).workload, {"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": 1}}}}),
     "may not be set when maxUnavailable is non-zero"),
    (_service(spec={"ports": [{"port": 1, "nodePort": 30306}]}), "may not be used when `type` is 'ClusterIP'"),
    (_service(metadata={"name": "9gates-mysql"}), "a DNS-1035 label must"),
    (_service(metadata={"labels": {"app.kubernetes.io/version": "1."}}), "a valid label must"),
    (_probe("readiness", terminationGracePeriodSeconds=5), "must not be set for readinessProbes"),
    (_probe("liveness", successThreshold=2), "must be 1"),
]


@pytest.mark.parametrize("one, words", REFUSED, ids=[words for _, words in REFUSED])
def test_what_the_chart_refuses_beforehand_it_would_refuse(server, one, words):
    assert words in server.tried(json.dumps(one))


def test_kubectl_without_helm_applies_it(server):
    text = render({}, SETS["base"]).text
    for how in (["--dry-run=client"], ["--dry-run=server"], ["--server-side", "--dry-run=server"]):
        done = server.kubectl("apply", *how, "-f", "-", stdin=text)
        assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr


def _workloads_version(server) -> tuple:
    meta = server.objects("deployments")[0]["metadata"]
    return meta["generation"], meta["resourceVersion"]


@pytest.mark.timeout(900)
def test_a_release_lives_through_every_change_of_values(server):
    """Nothing of it is of the kind that Kubernetes lets nobody change, and nothing is left behind."""
    server.helm("install", "gw", values=SETS["base"])
    assert {one["kind"] for one in server.objects(*KINDS)} == {
        "Deployment", "Service", "ConfigMap", "ServiceAccount", "PodDisruptionBudget"}
    before = _workloads_version(server)
    server.helm("upgrade", "gw", "--history-max", "0", values=SETS["base"])
    assert _workloads_version(server) == before
    # By another manager than helm, which would take back the annotations that helm itself adds.
    same = server.kubectl("diff", "--server-side", "--force-conflicts", "--field-manager=reader", "-f", "-",
                          stdin=render({}, SETS["base"]).text)
    assert same.returncode == 0, same.stdout + same.stderr
    for name in FEATURES:
        server.helm("upgrade", "gw", "--history-max", "0", values=SETS[name])
        kept = {(one["kind"], one["metadata"]["name"]) for one in server.objects(*KINDS)}
        rendered = {(one["kind"], one["metadata"]["name"]) for one in render({}, SETS[name]).objects
                    if "helm.sh/hook" not in one["metadata"].get("annotations", {})
                    and one["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == "gw"}
        assert kept == rendered, name
    server.helm("rollback", "gw", "1")
    assert server.objects("deployments")[0]["spec"]["replicas"] == 2
    server.helm("uninstall", "gw")
    assert server.objects(*KINDS) == []
