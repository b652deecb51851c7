"""What docs/kubernetes.md and the chart's README name is there: values, keys of the configuration, files, metrics."""

import functools
import json
import re
from types import SimpleNamespace

import checks
import pytest
import yaml
from chart import CHART, ROOT

FILES = {"ca.crt", "tls.crt", "tls.key", "values.yaml"}  # that look like paths of values
DOCUMENTS = [ROOT / "docs/kubernetes.md", CHART / "README.md"]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
META = yaml.safe_load((CHART / "Chart.yaml").read_text())


def named(document) -> list[str]:
    """What stands in code spans, without the value behind a colon."""
    prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    return [span.split(": ")[0] for span in re.findall(r"`([^`\n]+)`", prose)]


@functools.cache
def configuration_keys() -> set[str]:
    """Of docs/configuration.md, as `admin.readiness.backends`."""
    found, section = set(), ""
    for line in (ROOT / "docs/configuration.md").read_text().splitlines():
        if line.startswith("## "):
            inner = re.match(r"## `([^`]+)`", line)
            section = f"{inner.group(1)}." if inner else ""
        elif key := re.match(r"\| `([\w]+)` \|", line):
            found.add(section + key.group(1))
    return found


def is_value(path: str, schema: dict = SCHEMA) -> bool:
    """Whether the schema has it; below a map that the chart hands on to sluice, whether the configuration has it."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    if not path:
        return True
    first, _, rest = path.partition(".")
    inner = schema.get("properties", {}).get(first)
    if inner is None and isinstance(schema.get("additionalProperties"), dict):
        inner = schema["additionalProperties"]
    if inner is None:
        return False
    return is_value(rest, inner) or (path.startswith("config.") and rest in configuration_keys())


def is_config(path: str, parent: dict = SCHEMA["properties"]["config"]) -> bool:
    return path in configuration_keys() or is_value(path, parent)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_value_and_key_that_is_named_exists(document):
    paths = {span for span in named(document) if re.fullmatch(r"[a-z]\w*(\.\w+)+", span)} - FILES
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (is_value(path) or is_config(path))] == []


def test_a_value_that_is_not_there_would_be_found():
    for path in ("drain.delays", "tls.certManager.issuer", "credentials.NAME.name", "config.admin.readiness.backend", "limits.lifetime"):
        assert not (is_value(path) or is_config(path)), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_file_and_metric_that_is_named_exists(document):
    metrics = (ROOT / "docs/metrics.md").read_text()
    for span in named(document):
        if re.fullmatch(r"(docs|examples|files|helm|tests|deploy)/[\w./-]+", span):
            assert (ROOT / span).exists() or (CHART / span).exists(), span
        if re.fullmatch(r"sluice_\w+", span):
            assert f"`{span}`" in metrics, span


def test_the_sidecar_of_the_document_is_a_restricted_pod():
    text = re.search(r"```yaml\n(spec:.*?)```", DOCUMENTS[0].read_text(), re.S).group(1)
    spec = yaml.safe_load(text)["spec"]
    pod = {**spec, "containers": [{"name": "app", "image": "registry.example/app"}]}
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": pod}
    release = SimpleNamespace(objects=[whole], pod=pod, all=lambda kind: [])
    assert list(checks.schemas(release, ("1.29", "1.33", "1.37"))) == []
    assert [problem for problem in checks.restricted(release) if "container sluice" in problem] == []
    sidecar = spec["initContainers"][0]
    assert sidecar["restartPolicy"] == "Always" and sidecar["image"].endswith(f"/sluice:{META['appVersion']}")
    assert {mount["name"] for mount in sidecar["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    drain = yaml.safe_load((CHART / "values.yaml").read_text())["drain"]
    assert spec["terminationGracePeriodSeconds"] == sum(int(drain[key].removesuffix("s")) for key in drain) + 5


def test_artifact_hub_is_told_of_no_definitions_that_the_chart_does_not_bring():
    assert ("artifacthub.io/crds" in META["annotations"]) == (CHART / "crds").exists()
