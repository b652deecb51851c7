"""What others' programs say of the rendered objects: operators' own models, kubectl, promtool, Helm's packaging."""

import importlib
import os
import pathlib
import subprocess
import tempfile

import pytest
import yaml
from chart import CHART, TOOLS, Refused, helm, kubectl, merged, render
from matrix import BASE, FEATURES, SETS

_MODELS = {
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
    "cert-manager.io/v1": "cloudcoil.models.cert_manager.v1",
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
}


def _unknown(given, known, at=""):
    """What the model did not take over: the fields that the operator does not know."""
    if isinstance(given, dict):
        for key, value in given.items():
            if key not in known:
                yield f"{at}.{key}"
            else:
                yield from _unknown(value, known[key], f"{at}.{key}")
    elif isinstance(given, list):
        for index, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from _unknown(one, other, f"{at}[{index}]")


def operators_complaints(objects) -> list[str]:
    found = []
    for one in objects:
        model = getattr(importlib.import_module(_MODELS[one["apiVersion"]]), one["kind"])
        spec = {**one, "metadata": {"name": one["metadata"]["name"]}}
        try:
            taken = model.model_validate(spec).model_dump(by_alias=True, exclude_unset=True, mode="json")
        except ValueError as error:
            found.append(f"{one['kind']}: {error}")
            continue
        found += [f"{one['kind']}{field}" for field in _unknown(spec, taken)]
    return found


def test_operators_know_every_field_of_their_objects():
    """In one test: their models take seconds to load."""
    objects = [one for name, values in SETS.items() for one in render({}, values).objects if one["apiVersion"] in _MODELS]
    assert {one["kind"] for one in objects} == {"Certificate", "PodMonitor", "PrometheusRule", "ScaledObject", "ServiceMonitor"}
    assert operators_complaints(objects) == []
    broken = [merged(one, {"spec": {"colour": "blue"}}) for one in objects]
    assert len(operators_complaints(broken)) == len(broken)


@pytest.mark.parametrize("name", ["base", "daemonset", "placement", "tls-clients", "containers"])
def test_kubectl_reads_the_workload_as_its_own_types(name):
    """`--local`: decoded, changed and written by kubectl without a cluster."""
    workload = yaml.safe_dump(render(FEATURES[name]).workload)
    done = kubectl("set", "image", "--local", "-f", "-", "sluice=other:1", "-o", "yaml", stdin=workload)
    assert done.returncode == 0, done.stderr
    changed, given = yaml.safe_load(done.stdout), yaml.safe_load(workload)
    given["spec"]["template"]["spec"]["containers"][0]["image"] = "other:1"
    assert changed["spec"]["template"]["spec"]["containers"][0] == given["spec"]["template"]["spec"]["containers"][0]
    wrong = workload.replace("terminationGracePeriodSeconds: 70", "terminationGracePeriodSeconds: soon")
    assert kubectl("set", "image", "--local", "-f", "-", "sluice=other:1", "-o", "yaml", stdin=wrong).returncode != 0


def test_kustomize_takes_the_whole_release(tmp_path):
    (tmp_path / "all.yaml").write_text(render(SETS["base"]).text)
    (tmp_path / "kustomization.yaml").write_text("namePrefix: blue-\nresources: [all.yaml]\n")
    done = kubectl("kustomize", str(tmp_path), stdin="")
    assert done.returncode == 0, done.stderr
    assert len(list(yaml.safe_load_all(done.stdout))) == len(render().objects)


def test_promtool_accepts_the_rendered_rules(tmp_path):
    rule = render(FEATURES["rules"]).one("PrometheusRule")
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rule["spec"]))
    promtool = pathlib.Path(os.environ.get("SLUICE_TOOLS_DIR", "/nonexistent")) / "promtool"
    done = subprocess.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_holds_the_chart_and_nothing_else():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([TOOLS / "helm", "package", CHART, "-d", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        package = next(pathlib.Path(folder).glob("sluice-*.tgz"))
        names = subprocess.run(["tar", "tzf", package], capture_output=True, text=True).stdout.split()
        assert render(chart=package).text == render().text
    assert {name.split("/")[1] for name in names} == {
        "Chart.yaml", "values.yaml", "values.schema.json", "README.md", ".helmignore", "templates", "files", "examples"}


@pytest.mark.parametrize("version, taken", [("1.26.9", False), ("1.27.0", True), ("1.33.4-eks-1", True)])
def test_the_chart_says_which_kubernetes_it_needs(version, taken):
    try:
        helm("template", "gw", "--kube-version", version, values=BASE)
        assert taken
    except Refused as refused:
        assert not taken and "incompatible with Kubernetes" in str(refused)
