"""What is shipped for Prometheus and Grafana, held against a live scrape and against docs/metrics.md."""

import json
import re
import subprocess

import pytest
from clients import connection, rows, value
from harness import tools
from harness.process import remove, scratch, wait_until

pytestmark = pytest.mark.proxy_only

PROMETHEUS = tools.ROOT / "deploy/prometheus"
ALERTS = PROMETHEUS / "alerts.yaml"
DASHBOARD = tools.ROOT / "deploy/grafana/sluice.json"


def promtool(*arguments, text=None) -> subprocess.CompletedProcess:
    if not tools.have(tools.PROMTOOL):
        pytest.fail("promtool is missing: ./dev setup")
    return subprocess.run([str(tools.PROMTOOL), *map(str, arguments)], input=text, capture_output=True,
                          text=True, timeout=60)


def documented() -> dict[str, set[str]]:
    """Metrics of docs/metrics.md and their labels."""
    found = {}
    for line in (tools.ROOT / "docs/metrics.md").read_text().splitlines():
        row = re.match(r"\| `(\w+)` \| (\w+) \| ([\w, ]*) \|", line)
        if row:
            name, kind, labels = row.groups()
            found[name] = set(filter(None, labels.split(", "))) | {"job", "instance"}
            if kind == "histogram":
                for part in ("bucket", "sum", "count"):
                    found[f"{name}_{part}"] = found[name] | {"le"}
    assert len(found) > 50
    return found


def check_expression(expression: str, metrics: dict[str, set[str]]) -> None:
    for name in re.findall(r"\b(?:sluice|process)_\w+", expression):
        assert name in metrics, f"{name} is no metric: {expression}"
    for name, selector in re.findall(r"\b((?:sluice|process)_\w+)\{([^}]*)\}", expression):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            assert label in metrics[name], f"{name} has no label {label}: {expression}"


def alert_expressions() -> dict[str, str]:
    found = dict(re.findall(r"- alert: (\w+)\n +expr: (?:\|\n)?(.*?)\n +(?:for|labels):", ALERTS.read_text(), re.S))
    assert len(found) == ALERTS.read_text().count("- alert:")
    return found


def panels() -> list[dict]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def test_promtool_likes_a_live_scrape(any_server, start):
    at = start(any_server, min_idle=1, route={"middleware": ["read_only"]})
    with connection(at) as client:
        value(client, "SELECT 1")
        with pytest.raises(Exception):
            rows(client, "DELETE FROM pets")
        status, text = at.sluice.get("/metrics")
    assert status == 200
    checked = promtool("check", "metrics", text=text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_what_is_new_counts(any_server, start):
    at = start(any_server, pool_size=3, max_overflow=2,
               extra={"limits": {"max_client_connections": 77}})
    metric = at.sluice.metric
    with connection(at) as one, connection(at) as two:
        value(one, "SELECT 1")
        rows(two, "BEGIN")
        value(two, "SELECT 1")
        wait_until(lambda: metric("sluice_pool_clients", pool="main", state="active") == 1, 5, "one is active")
        assert metric("sluice_pool_clients", pool="main") == 2
        assert metric("sluice_pool_clients", pool="main", state="idle") == 1
        assert metric("sluice_pool_client_bytes_total", pool="main", direction="received") > 20
        rows(two, "ROLLBACK")
    wait_until(lambda: metric("sluice_pool_clients") == 0, 5, "the clients are gone")
    assert metric("sluice_pool_connections_max", pool="main") == 3
    assert metric("sluice_pool_overflow_max", pool="main") == 2
    assert metric("sluice_client_connections_max") == 77
    assert metric("sluice_workers") == 2
    assert metric("sluice_heap_bytes", state="used") > 100_000
    wait_until(lambda: metric("sluice_loop_lag_seconds_count") >= 2, 5, "each worker's heart has beaten")
    assert metric("sluice_loop_behind_seconds") < 5
    assert metric("sluice_buffer_bytes", state="free") > 0


def test_prepared_statements_are_counted(server, start):
    at = start(server("pg15"), max_prepared_statements=2)
    metric = at.sluice.metric
    with connection(at) as client:
        for number in range(5):
            client.execute(f"SELECT {number}, %s::int", (number,), prepare=True)
        wait_until(lambda: metric("sluice_prepared_statements", side="client") == 5, 5, "five of the client")
        assert 1 <= metric("sluice_prepared_statements", side="backend") <= 3
        assert metric("sluice_prepared_cache_total", result="evicted") >= 3
    wait_until(lambda: metric("sluice_prepared_statements", side="client") == 0, 5, "the client is gone")


def test_the_rules_are_rules():
    checked = promtool("check", "rules", ALERTS)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    metrics = documented()
    for expression in alert_expressions().values():
        check_expression(expression, metrics)


def test_each_alert_fires_when_it_must_and_only_then():
    tested = promtool("test", "rules", PROMETHEUS / "alerts_test.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    tests = (PROMETHEUS / "alerts_test.yaml").read_text()
    for alert in alert_expressions():
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n", tests), f"{alert} is never seen to fire"
        quiet = re.search(rf"alertname: {alert}, exp_alerts: \[\]", tests)
        beside = re.search(rf"name: {alert}\b.*?series:.*?series:", tests, re.S)
        assert quiet or beside, f"{alert} is never seen not to fire"


def test_each_alert_has_its_words_and_a_page():
    text = ALERTS.read_text()
    page = (tools.ROOT / "docs/alerts.md").read_text()
    headings = {line[3:].strip().lower() for line in page.splitlines() if line.startswith("## ")}
    for block in text.split("- alert: ")[1:]:
        name = block.split("\n")[0]
        for key in ("severity:", "summary:", "description:", f"runbook: docs/alerts.md#{name.lower()}"):
            assert key in block, f"{name} lacks {key}"
        assert name.lower() in headings, f"docs/alerts.md has no section {name}"
    assert headings == {name.lower() for name in alert_expressions()}


def test_the_dashboard_asks_for_metrics_that_exist():
    metrics = documented()
    for panel in panels():
        for target in panel["targets"]:
            check_expression(target["expr"], metrics)


def test_the_dashboard_is_whole():
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert [p["title"] for p in dashboard["panels"] if p["type"] == "row"] == \
        ["Overview", "Pools", "Clients", "Backends", "Pins", "Middleware"]
    assert [v["name"] for v in dashboard["templating"]["list"]] == ["datasource", "job", "instance", "pool"]
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
    places = [(x, y) for p in dashboard["panels"] for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
              for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    assert len(places) == len(set(places)), "panels lie on each other"


def test_prometheus_understands_the_dashboard():
    rules = ["groups:", "  - name: dashboard", "    rules:"]
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m")
            rules.append(f"      - {{record: 'panel:{panel['id']}{target['refId']}', expr: {json.dumps(expression)}}}")
    folder = scratch("dashboard")
    try:
        (folder / "rules.yaml").write_text("\n".join(rules) + "\n")
        checked = promtool("check", "rules", folder / "rules.yaml")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    finally:
        remove(folder)
