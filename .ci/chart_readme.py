#!/usr/bin/env python3
"""Writes the table of values into helm/sluice/README.md, from the comments of values.yaml; --check only compares.

A comment that begins with `# --` tells the key below it, on as many lines as it takes. A key without one is a group, or
belongs to the default of the key above it."""

import json
import pathlib
import re
import sys

import yaml

CHART = pathlib.Path(__file__).resolve().parents[1] / "helm/sluice"
BEGIN, END = "<!-- values: made by .ci/chart_readme.py from values.yaml -->", "<!-- end of values -->"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9]+):")


def told(text: str):
    """(path, what is told of it), in the order of the file."""
    path, comment, telling = [], [], False
    for line in text.splitlines():
        stripped = line.strip()
        key = KEY.match(line)
        if stripped.startswith("# -- "):
            comment, telling = [stripped[5:]], True
        elif stripped.startswith("#") and telling:
            comment.append(stripped[1:].strip())
        elif key:
            path = path[: len(key["indent"]) // 2] + [key["key"]]
            if comment:
                yield list(path), " ".join(comment)
            comment, telling = [], False
        else:
            comment, telling = [], False


def default(values, path: list[str]) -> str:
    for key in path:
        values = values[key]
    return f"`{json.dumps(values, ensure_ascii=False)}`"


def table() -> str:
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    rows = [f"| `{'.'.join(path)}` | {default(values, path)} | {meaning} |".replace("||", r"\|\|")
            for path, meaning in ((p, m.replace("|", r"\|")) for p, m in told(text))]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def main() -> int:
    readme = CHART / "README.md"
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    made = f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"
    if "--check" not in sys.argv:
        readme.write_text(made)
    elif made != text:
        print("helm/sluice/README.md is not what values.yaml makes: python3 .ci/chart_readme.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
