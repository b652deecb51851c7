"""statement_statistics: what each kind of statement does, on both protocols."""

import pytest
from clients import connection, rows, value
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only


def test_kinds_are_counted_and_not_literals(any_server, start):
    at = start(any_server, extra={"middleware": ["statement_statistics"]})
    with connection(at) as client:
        before = at.sluice.metric("sluice_statement_fingerprints")
        for number in range(20):
            value(client, f"SELECT {number} AS wanted_once")
        wait_until(lambda: at.sluice.metric("sluice_statement_fingerprints") == before + 1, 5, "one kind")
        rows(client, "SELECT 1 AS one, 'canary-literal-52' AS two")
        wait_until(lambda: at.sluice.metric("sluice_statement_fingerprints") == before + 2, 5, "two kinds")
    status, text = at.sluice.get("/metrics")
    assert status == 200 and "wanted_once" not in text and "canary" not in text


def test_it_is_bounded(any_server, start):
    at = start(any_server, workers=1,
               extra={"middleware": [{"statement_statistics": {"max_fingerprints": 10}}]})
    with connection(at) as client:
        for number in range(40):
            value(client, f"SELECT 1 AS c{number}")
    wait_until(lambda: at.sluice.metric("sluice_statement_fingerprints_evicted_total") >= 30, 5, "many are put together")
    assert at.sluice.metric("sluice_statement_fingerprints") <= 10
