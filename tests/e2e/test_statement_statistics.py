"""statement_statistics: what each kind of statement does, on both protocols."""

import re

import psycopg
import pymysql
import pytest
from admin_http import USERS, Api
from clients import connection, rows, value
from harness import schema
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only

ACCOUNTS = [{"name": schema.APP, "password": schema.PASSWORD}, *USERS]


def kinds(at) -> dict[str, dict]:
    """By their texts."""
    return {one["text"]: one for one in Api(at.sluice).get("fingerprints").data}


def kind(at, text: str, count: int) -> dict:
    wait_until(lambda: kinds(at).get(text, {}).get("count") == count, 5, f"{text}: {kinds(at)}")
    return kinds(at)[text]


def test_a_kind_has_its_runs_rows_errors_and_times(any_server, start):
    at = start(any_server, users=ACCOUNTS, extra={"middleware": ["statement_statistics"]})
    pause = "pg_sleep(0.05)" if at.postgresql else "SLEEP(0.05)"
    with connection(at) as client:
        for number in range(4):
            rows(client, f"SELECT 'canary-{number}' AS one UNION ALL SELECT 'b'")
        rows(client, f"SELECT {pause}")
        for _ in range(2):
            with pytest.raises((psycopg.Error, pymysql.Error)):
                value(client, "SELECT nothing FROM nowhere_at_all WHERE id = 4711")
    union = kind(at, "select ? as one union all select ?", 4)
    assert (union["rows"], union["errors"], union["pool"], union["kind"]) == (8, 0, "main", "select")
    assert re.fullmatch("[0-9a-f]{16}", union["id"])
    failed = kind(at, "select nothing from nowhere_at_all where id = ?", 2)
    assert (failed["errors"], failed["rows"]) == (2, 0)
    slow = kind(at, "select pg_sleep(?)" if at.postgresql else "select sleep(?)", 1)
    assert 0.04 < slow["p50_seconds"] <= slow["p99_seconds"] <= slow["max_seconds"] < 5
    assert "canary" not in Api(at.sluice).get("fingerprints").body
    longest = [one["total_seconds"] for one in Api(at.sluice).get("fingerprints").data]
    assert longest == sorted(longest, reverse=True)


def test_the_console_shows_them(any_server, start):
    at = start(any_server, users=ACCOUNTS, extra={"middleware": ["statement_statistics"]})
    with connection(at) as client:
        for number in range(3):
            value(client, f"SELECT {number} AS wanted")
    kind(at, "select ? as wanted", 3)
    with connection(at.with_(user="viewer", password="test-only-viewer", database="sluice")) as desk:
        shown = rows(desk, "SHOW FINGERPRINTS")
    assert any("select ? as wanted" in row for row in shown), shown


def test_prepared_statements_count_by_their_text(any_server, start):
    at = start(any_server, users=ACCOUNTS, extra={"middleware": ["statement_statistics"]})
    with connection(at) as client:
        for number in range(8):
            if at.postgresql:
                client.execute("SELECT %s::int AS prepared", (number,), prepare=True)
            else:
                value(client, f"SELECT {number} AS prepared")
    wait_until(lambda: sum(one["count"] for text, one in kinds(at).items() if "prepared" in text) == 8, 5, "eight runs")


def test_it_is_bounded_and_metrics_have_no_texts(any_server, start):
    at = start(any_server, workers=1, users=ACCOUNTS,
               extra={"middleware": [{"statement_statistics": {"max_fingerprints": 10}}]})
    with connection(at) as client:
        for number in range(40):
            value(client, f"SELECT 1 AS c{number}")
    wait_until(lambda: at.sluice.metric("sluice_statement_fingerprints_evicted_total") >= 30, 5, "many are put together")
    assert at.sluice.metric("sluice_statement_fingerprints") <= 10
    found = Api(at.sluice).get("fingerprints").data
    assert len(found) <= 11
    others = [one for one in found if one["id"] == "others"]
    assert len(others) == 1 and others[0]["count"] >= 30
    assert sum(one["count"] for one in found) >= 40
    status, text = at.sluice.get("/metrics")
    assert status == 200 and "c39" not in text and "select" not in text
