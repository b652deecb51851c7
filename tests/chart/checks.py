"""What must hold for every rendering of the chart. Each check hands out the problems it finds, as sentences."""

import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile

import jsonschema
from chart import Release
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

KUBERNETES = ("1.27", "1.29", "1.31", "1.33", "1.35", "1.37")
_BUILT_IN = re.compile(r"^(v1|apps/v1|policy/v1|autoscaling/v2|networking\.k8s\.io/v1)$")
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def problems(release: Release) -> list[str]:
    return [problem for check in (schemas, names, references, mounts, secrets, probes, restricted, ending, configuration)
            for problem in check(release)]


def _where(one: dict) -> str:
    return f"{one['kind']}/{one['metadata'].get('name')}"


@functools.cache
def _validator(api_version: str, kind: str, version: str):
    """Of the strict schemas, in which an unknown field is an error."""
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    api = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = schema_contents(f"{folder}/{kind.lower()}-{api}.json", version)
    return jsonschema.Draft202012Validator(schema, registry=_definitions(folder, version))


@functools.cache
def _definitions(folder: str, version: str) -> Registry:
    return Resource.from_contents(schema_contents(f"{folder}/_definitions.json", version)) @ Registry()


@functools.cache
def _faults(text: str, version: str) -> list[str]:
    one = json.loads(text)
    return [error.message for error in _validator(one["apiVersion"], one["kind"], version).iter_errors(one)]


def schemas(release: Release, versions=KUBERNETES):
    """Kubernetes' own schemas; those of other operators' objects are held against in test_kubernetes.py."""
    for one in release.objects:
        if not _BUILT_IN.match(one["apiVersion"]):
            continue
        for version in versions:
            for fault in _faults(json.dumps(one, sort_keys=True), version):
                yield f"{_where(one)}: Kubernetes {version}: {fault}"


def names(release: Release):
    seen = set()
    for one in release.objects:
        if _where(one) in seen:
            yield f"{_where(one)} twice"
        seen.add(_where(one))
        if len(one["metadata"]["name"]) > 63:
            yield f"{_where(one)}: longer than 63"
        if one["kind"] == "Service" and not one["metadata"]["name"][0].isalpha():
            yield f"{_where(one)}: does not begin with a letter"
        for key, value in one["metadata"].get("labels", {}).items():
            if not re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", str(value)):
                yield f"{_where(one)}: label {key} is '{value}'"


def _selects(selector: dict, labels: dict) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def references(release: Release):
    """Selectors select, ports have their names, accounts and ConfigMaps exist."""
    labels = release.workload["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in release.container["ports"]}
    if not _selects(release.workload["spec"]["selector"]["matchLabels"], labels):
        yield "the workload does not select its own pods"
    if not {"app.kubernetes.io/name", "app.kubernetes.io/instance"} <= set(release.workload["spec"]["selector"]["matchLabels"]):
        yield "the workload selects pods of other releases"
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        for one in release.all(kind):
            spec = one["spec"]
            selector = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
            if not _selects(selector.get("matchLabels", selector), labels):
                yield f"{_where(one)} does not select the pods"
    for one in release.all("Service"):
        yield from (f"{_where(one)}: no port {port['targetPort']}" for port in one["spec"]["ports"]
                    if port["targetPort"] not in ports)
    for one in release.all("ServiceMonitor"):
        admin = release.one("Service", "-admin")["metadata"]["labels"]
        others = [s for s in release.all("Service") if not s["metadata"]["name"].endswith("-admin")]
        selector = one["spec"]["selector"]["matchLabels"]
        if not _selects(selector, admin) or any(_selects(selector, s["metadata"]["labels"]) for s in others):
            yield f"{_where(one)} does not select the admin Service alone"
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for one in release.all(kind):
            if one["spec"]["scaleTargetRef"]["name"] != release.workload["metadata"]["name"]:
                yield f"{_where(one)} scales something else"
            if "replicas" in release.workload["spec"]:
                yield f"{_where(one)} and replicas fight"
    accounts = {one["metadata"]["name"] for one in release.all("ServiceAccount")}
    if release.pod["serviceAccountName"] not in accounts | {"default"}:
        yield f"no ServiceAccount {release.pod['serviceAccountName']}"


def mounts(release: Release):
    """Directories, read only where nobody writes, each with its volume; the configuration's paths are mounted."""
    volumes = {volume["name"]: volume for volume in release.pod["volumes"]}
    at = {}
    for mount in release.container["volumeMounts"]:
        if "subPath" in mount:
            yield f"{mount['mountPath']} by subPath: it would never change in a running pod"
        if mount["name"] not in volumes:
            yield f"{mount['mountPath']}: no volume {mount['name']}"
            continue
        at[mount["mountPath"]] = volume = volumes[mount["name"]]
        if {"secret"} & set(volume) and not mount.get("readOnly"):
            yield f"{mount['mountPath']} is not read only"
        if volume.get("secret", {}).get("defaultMode", 0o440) & 0o337:
            yield f"{mount['mountPath']}: others could read the secret"
    for volume in volumes.values():
        if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
            yield f"volume {volume['name']} has no sizeLimit"
    file = release.container["args"][2]
    if release.container["args"][:2] != ["run", "-c"] or str(pathlib.PurePath(file).parent) not in at:
        yield f"the configuration {file} is not mounted"
    elif release.config and at[str(pathlib.PurePath(file).parent)]["configMap"]["name"] not in {
            one["metadata"]["name"] for one in release.all("ConfigMap")}:
        yield "the configuration's ConfigMap is not there"
    for path in re.findall(r"_file': '(/(?:etc/sluice|run/secrets)/[^']+)", str(release.config)):
        if str(pathlib.PurePath(path).parent) not in at:
            yield f"{path} is not mounted"


def secrets(release: Release):
    """No ConfigMap has one, and no Secret is made."""
    for one in release.all("ConfigMap"):
        for key, value in re.findall(r"^\W*(password|\w+_hash|scram_verifier|hmac_sha256_secret): (.*)$", str(one["data"].get(
                "sluice.yaml", "")), re.M):
            if not value.startswith("${"):
                yield f"{_where(one)} has {key}"
    yield from (f"{_where(one)} is made by the chart" for one in release.all("Secret"))


def probes(release: Release):
    for probe, path in (("startupProbe", "/startupz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
        get = release.container.get(probe, {}).get("httpGet", {})
        if get.get("path") != path or get.get("port") != "admin":
            yield f"{probe} does not ask the admin port for {path}"
        scheme = "HTTPS" if release.config.get("admin", {}).get("tls", {}).get("mode") == "require" else "HTTP"
        if release.config and get.get("scheme", "HTTP") != scheme:
            yield f"{probe} does not speak {scheme}"


def _pods(release: Release):
    yield "the pods", release.pod
    yield from ((_where(one), one["spec"]) for one in release.all("Pod"))


def restricted(release: Release):
    """Pod Security "restricted", as the standard's text has it, and what the chart promises beyond it."""
    for who, pod in _pods(release):
        context = pod.get("securityContext", {})
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{who}: {field}"
        for volume in pod.get("volumes", []):
            if not set(volume) - {"name"} <= _VOLUMES:
                yield f"{who}: volume {volume['name']} is of a kind that is not allowed"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{who}: has a token of Kubernetes"
        for container in pod["containers"] + pod.get("initContainers", []):
            own, it = container.get("securityContext", {}), f"{who}: container {container['name']}"
            if own.get("privileged"):
                yield f"{it} is privileged"
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{it} may escalate"
            if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
                yield f"{it} keeps capabilities"
            if not own.get("runAsNonRoot", context.get("runAsNonRoot")):
                yield f"{it} may run as root"
            if own.get("runAsUser", context.get("runAsUser")) != 65532:
                yield f"{it} does not run as 65532"
            if own.get("seccompProfile", context.get("seccompProfile", {})).get("type") not in ("RuntimeDefault", "Localhost"):
                yield f"{it} has no seccomp profile"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{it} has a hostPort"
            if container["image"].startswith("registry.example/sluice") and not own.get("readOnlyRootFilesystem"):
                yield f"{it} may write to its root"


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def ending(release: Release):
    """The process has its time to drain, and a roll-out takes nobody away before the next is there."""
    drain = release.config.get("drain", {})
    grace = release.pod["terminationGracePeriodSeconds"]
    if release.config and set(drain) != {"delay", "timeout"}:
        yield f"drain is {drain}"
    elif drain and grace < _seconds(drain["delay"]) + _seconds(drain["timeout"]) + 5:
        yield f"{grace} s of grace are less than the drain takes"
    spec = release.workload["spec"]
    replaced = spec.get("strategy", spec.get("updateStrategy"))
    if (replaced["type"] == "RollingUpdate") != ("rollingUpdate" in replaced):
        yield f"{replaced['type']} with {replaced.get('rollingUpdate')}"
    if "lifecycle" in release.container:
        yield "a lifecycle hook: the image has no shell, and the drain is the process's own"


@functools.cache
def _sluice_accepts(text: str) -> str:
    binary = os.environ.get("SLUICE_BINARY")
    if not binary:
        return ""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([binary, "check", "--offline", "-c", file.name], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "PETS": "x"})
    return "" if done.returncode == 0 else done.stderr


def configuration(release: Release):
    """sluice itself accepts every configuration that the chart writes, where SLUICE_BINARY says where it is."""
    for one in release.all("ConfigMap"):
        for key, text in one["data"].items():
            if key.endswith(".yaml"):
                complaint = _sluice_accepts(text)
                if complaint:
                    yield f"{_where(one)}: {complaint}"
