"""Every set of values renders to objects for which every check holds."""

import checks
import pytest
from chart import EXAMPLES, helm, render
from matrix import SETS


@pytest.mark.parametrize("name", SETS)
def test_what_is_rendered_holds_together(name):
    assert checks.problems(render({}, SETS[name])) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_helm_lints_the_examples_strictly(path):
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", "--strict", values=SETS[f"example-{path.stem}"])
