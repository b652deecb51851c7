"""Renders the chart with the real helm, and hands out the objects."""

import functools
import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/sluice"
TOOLS = pathlib.Path(os.environ.get("SLUICE_CHART_TOOLS", "/nonexistent"))
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))


class Refused(Exception):
    """Helm did not take the values; the text is what it said."""


def helm(*arguments, values=None, chart=CHART) -> str:
    """What `helm COMMAND ... CHART` prints, with `values` as a file on its standard input."""
    done = subprocess.run([TOOLS / "helm", *arguments, str(chart), "-f", "-"], input=json.dumps(values or {}),
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def kubectl(*arguments, stdin: str) -> subprocess.CompletedProcess:
    return subprocess.run([TOOLS / "kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "KUBECONFIG": "/nonexistent"})


def merged(base: dict, over: dict) -> dict:
    """As helm merges values: maps into one another, all else replaced."""
    out = dict(base)
    for key, value in over.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


class Release:
    """The objects of one rendering, by kind and name."""

    def __init__(self, text: str):
        self.text = text
        self.objects = [one for one in yaml.safe_load_all(text) if one]

    def all(self, kind: str) -> list[dict]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, suffix: str = "") -> dict:
        """The only object of this kind whose name ends so; KeyError when there is none."""
        found = [one for one in self.all(kind) if one["metadata"]["name"].endswith(suffix)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} of kind {kind} that end in '{suffix}'")
        return found[0]

    @property
    def workload(self) -> dict:
        return next(one for one in self.objects if one["kind"] in ("Deployment", "DaemonSet"))

    @property
    def pod(self) -> dict:
        return self.workload["spec"]["template"]["spec"]

    @property
    def container(self) -> dict:
        return next(one for one in self.pod["containers"] if one["name"] == "sluice")

    @property
    def config(self) -> dict:
        """The configuration of the pods; {} when it is somebody else's ConfigMap."""
        return next((yaml.safe_load(one["data"]["sluice.yaml"]) for one in self.all("ConfigMap")
                     if "sluice.yaml" in one["data"] and "helm.sh/hook" not in one["metadata"].get("annotations", {})), {})


@functools.cache
def _rendered(values: str, chart: pathlib.Path) -> Release:
    return Release(helm("template", "gw", "--namespace", "databases", "--kube-version", "1.33.0",
                        values=json.loads(values), chart=chart))


def render(over: dict | None = None, base: dict | None = None, chart=CHART) -> Release:
    """The chart with `over` on top of `base`, which is the smallest configuration that works."""
    return _rendered(json.dumps(merged(BASE if base is None else base, over or {}), sort_keys=True), chart)


def refusal(over: dict, base: dict | None = None) -> str:
    """What helm says when it refuses these values; AssertionError when it takes them."""
    try:
        render(over, base)
    except Refused as refused:
        return str(refused)
    raise AssertionError(f"taken: {over}")


BASE = {
    "image": {"repository": "registry.example/sluice"},
    "credentials": {"pets": {"secretName": "pets-db"}, "users": {"secretName": "sluice-users"}},
    "config": {
        "pools": {
            "pets": {"url": "postgresql://app@pets-pg:5432/pets",
                     "password_file": "/run/secrets/sluice/pets/password"},
            "pets_mysql": {"url": "mysql://app@pets-my:3306/pets",
                           "password_file": "/run/secrets/sluice/pets/mysql"},
        },
        "users": [{"name": "app", "password_file": "/run/secrets/sluice/users/app"}],
        "routes": [{"name": "pets", "pool": "pets"}, {"name": "pets-mysql", "pool": "pets_mysql"}],
    },
}
