"""What a scrape says, compared with what the test itself did."""

import re

import pytest
from clients import connection, rows, value
from harness import schema
from harness.process import wait_until

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def test_the_text_is_well_formed(any_server, start):
    at = start(any_server)
    with connection(at) as client:
        value(client, "SELECT 1")
    status, text = at.sluice.get("/metrics")
    assert status == 200
    types = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} is declared twice"
            types[name] = kind
            assert name.startswith("sluice_") or name.startswith("process_"), name
            assert (kind == "counter") == name.endswith("_total"), name
        elif line and not line.startswith("#"):
            assert re.fullmatch(r'[a-z_:]+(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eEinfNa]+', line), line
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}
    assert set(types) <= helped
    for name in ("sluice_client_connections", "sluice_pool_connections", "sluice_pool_pending_requests",
                 "sluice_pool_wait_seconds", "sluice_pool_connections_opened_total",
                 "sluice_pool_connections_closed_total", "sluice_queries_total", "sluice_bytes_total"):
        assert name in types, f"{name} is missing"


def test_connections_by_state(any_server, start):
    at = start(any_server, pool_size=3, url=any_server.url(user=schema.OTHER))
    metric = at.sluice.metric
    with connection(at) as one, connection(at) as two:
        value(one, "SELECT 1")
        rows(two, "BEGIN")
        value(two, "SELECT 1")
        wait_until(lambda: metric("sluice_pool_connections", state="used") == 1, 5, "one is used")
        assert metric("sluice_client_connections") == 2
        opened = metric("sluice_pool_connections_opened_total")
        assert opened == any_server.backends(schema.OTHER)
        rows(two, "ROLLBACK")
        wait_until(lambda: metric("sluice_pool_connections", state="used") == 0, 5, "none is used")
        assert metric("sluice_pool_connections", state="idle") == any_server.backends(schema.OTHER)
    wait_until(lambda: metric("sluice_client_connections") == 0, 5, "the clients are gone")


def test_queries_and_histograms_count(any_server, start):
    at = start(any_server)
    with connection(at) as client:
        before = at.sluice.metric("sluice_queries_total")
        for _ in range(25):
            value(client, "SELECT 1")
        after = at.sluice.metric("sluice_queries_total")
        assert 25 <= after - before <= 26  # psycopg prepares it once it has seen it five times
        assert at.sluice.metric("sluice_query_duration_seconds_count") >= 25
        assert at.sluice.metric("sluice_pool_wait_seconds_count") >= 1
        assert at.sluice.metric("sluice_bytes_total") > 500


def test_probes(any_server, start):
    at = start(any_server)
    assert at.sluice.get("/livez")[0] == 200
    assert at.sluice.get("/readyz")[0] == 200
    assert at.sluice.get("/nothing/here")[0] == 404


def test_no_secret_and_no_literal_in_the_log(any_server, start):
    at = start(any_server)
    with connection(at) as client:
        value(client, "SELECT 'canary-literal-51'")
        with pytest.raises(Exception, match="canary"):
            value(client, "SELECT * FROM canary_table_51 WHERE note = 'canary-literal-51'")
    text = at.sluice.log_text()
    assert "canary-literal-51" not in text
    assert at.password not in text
    assert at.password not in at.sluice.get("/metrics")[1]
