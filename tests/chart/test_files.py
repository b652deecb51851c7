"""Files of the chart that are made from others, or must say the same as others."""

import re
import subprocess
import sys

import pytest
import yaml
from chart import CHART, ROOT

META = yaml.safe_load((CHART / "Chart.yaml").read_text())


def test_the_readme_is_what_the_comments_of_the_values_make():
    """After a change of values.yaml: python3 .ci/chart_readme.py"""
    done = subprocess.run([sys.executable, ROOT / ".ci/chart_readme.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("copy, original", [("alerts.yaml", "deploy/prometheus/alerts.yaml"),
                                            ("dashboard.json", "deploy/grafana/sluice.json")])
def test_what_the_chart_ships_is_what_deploy_has(copy, original):
    """Links in the tree, files in the package."""
    assert (CHART / "files" / copy).read_bytes() == (ROOT / original).read_bytes()


def test_the_version_is_that_of_the_program():
    version = re.search(r"project\(sluice VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert META["appVersion"] == version


def test_artifact_hub_finds_what_it_asks_for():
    notes = META["annotations"]
    assert META["kubeVersion"] == ">=1.27.0-0"
    assert notes["artifacthub.io/license"] == "Apache-2.0"
    assert notes["artifacthub.io/containsSecurityUpdates"] in ("true", "false")
    changes = yaml.safe_load(notes["artifacthub.io/changes"])
    assert changes and all(one["kind"] in ("added", "changed", "deprecated", "removed", "fixed", "security") for one in changes)
    images = yaml.safe_load(notes["artifacthub.io/images"])
    assert images[0]["image"].endswith(f":{META['appVersion']}")
