"""The HTTP API of the admin port, asked with curl: rights, wrong requests, other sites, TLS, the socket."""

import re
import socket
import stat
import threading

import pytest
from admin_http import ACT, NOTHING, OPENAPI, SEE, USERS, Answer, Api, curl
from clients import connection, rows, value
from conftest import config_for
from harness import schema
from harness.process import LOOPBACK, free_port, wait_until
from harness.sluice import Sluice, write_config
from harness.tls import make_certificates
from jsonschema import Draft202012Validator

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


@pytest.fixture
def begin(start, server):
    """begin(**options): an Endpoint whose sluice has admins; `admin` is that section."""
    def get(name="pg15", admin=None, **options):
        its = server(name)
        config = config_for(its, users=[{"name": schema.APP, "password": schema.PASSWORD}, *USERS],
                            extra={"admin": admin or {}}, **options)
        return start(its, config=config)
    return get


def document(path: str, method: str, status: int) -> Draft202012Validator:
    """Of the answer that docs/openapi.json promises."""
    answer = OPENAPI["paths"][path][method]["responses"][str(status)]
    if "$ref" in answer:
        answer = OPENAPI["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    made = answer["content"]["application/json"]["schema"]
    return Draft202012Validator({**made, "components": OPENAPI["components"]})


def fits(path: str, method: str, answer: Answer) -> Answer:
    document(path, method, answer.status).validate(answer.json)
    return answer


def test_every_answer_is_as_documented(begin):
    at = begin()
    api = Api(at.sluice)
    with connection(at) as client, connection(at) as pinned:
        value(client, "SELECT 1")
        rows(pinned, "CREATE TEMPORARY TABLE t (a int)")
        seen = {name: fits(f"/api/v1/{name}", "get", api.get(name)).json.get("data")
                for name in ("me", "status", "pools", "sessions", "backends", "routes", "schedules", "totals",
                             "fingerprints", "events", "config")}
        assert [pool["name"] for pool in seen["pools"]] == ["main"]
        assert {(s["user"], s["pool"], s["route"]) for s in seen["sessions"]} == {(schema.APP, "main", "all")}
        assert ["temporary"] in [s["pins"] for s in seen["sessions"]]
        holders = {b["session"] for b in seen["backends"]}
        assert {s["id"] for s in seen["sessions"] if s["pins"]} <= holders
        assert seen["me"] == {"user": "ops", "where": "http", "right": "act"}
        assert schema.PASSWORD not in api.get("config").body and "test-only" not in api.get("config").body
        served = api.get("openapi.json")
        assert served.json == OPENAPI
        bodies = {"pause": {"pool": "main"}, "resume": {"pool": "main"}, "reconnect": {"pool": "main"},
                  "disable": {"pool": "main"}, "enable": {"pool": "main"}, "log_level": {"level": "info"},
                  "console": {"command": "SHOW POOLS"}, "reload": {},
                  "kill": {"session": next(s["id"] for s in seen["sessions"] if s["pins"])}}
        for name, body in bodies.items():
            assert fits(f"/api/v1/{name}", "post", api.post(name, body)).status == 200, name
        documented = {path.rsplit("/", 1)[1] for path in OPENAPI["paths"]}
        assert documented - set(bodies) - set(seen) == {"openapi.json", "drain"}
        events = fits("/api/v1/events", "get", api.get("events")).data
        assert {"pause", "resume"} <= {event["kind"] for event in events}
        assert {event["by"] for event in events if event["kind"] == "pause"} == {"ops"}
        last = events[-1]["number"]
        assert all(event["number"] > last for event in api.get(f"events?after={last}").data)
    fits("/api/v1/drain", "post", api.post("drain", {"mode": "immediate"}))
    wait_until(lambda: not at.sluice.daemon.running(), 10, "the drain has ended sluice")


def test_a_paused_pool_makes_queries_wait(begin, any_server):
    at = begin(any_server.name)
    api = Api(at.sluice)
    answered = threading.Event()

    def ask():
        with connection(at) as client:
            value(client, "SELECT 1")
        answered.set()

    with connection(at) as client:
        value(client, "SELECT 1")  # MySQL's greeting waits for the version of a backend
    assert api.post("pause", {"pool": "main"}).data["done"] in (True, False)
    asker = threading.Thread(target=ask)
    asker.start()
    wait_until(lambda: api.get("pools").data[0]["waiting"] == 1, 5, "the query waits")
    assert not answered.is_set()
    assert api.get("pools").data[0]["paused"] is True
    api.post("resume", {"pool": "main"})
    asker.join(10)
    assert answered.is_set()


def test_rights(begin):
    at = begin()
    sluice = at.sluice
    assert Api(sluice, SEE).get("pools").status == 200
    assert Api(sluice, SEE).post("pause").code == "403 forbidden"
    assert Api(sluice, NOTHING).get("pools").code == "403 forbidden"
    assert Api(sluice, NOTHING).post("pause").code == "403 forbidden"
    for wrong in ("ops:", "ops:wrong", "who:test-only-ops", f"{schema.OTHER}:{schema.PASSWORD}"):
        assert Api(sluice, wrong).get("pools").code == "401 login_failed", wrong
    unknown = Api(sluice, None).get("pools")
    assert unknown.code == "401 login_required"
    assert unknown.headers["www-authenticate"].startswith("Basic ")
    script = Api(sluice, None).get("pools", "-H", "X-Sluice-Request: 1")
    assert script.headers["www-authenticate"].startswith("X-Basic ")  # no browser asks by itself
    assert Api(sluice, None, "-H", "Authorization: Bearer x").get("pools").status == 401
    for path in ("/metrics", "/livez", "/readyz", "/startupz"):
        assert curl(f"http://{LOOPBACK}:{sluice.admin_port}{path}").status == 200
    assert Api(sluice).get("pools").data[0]["paused"] is False
    log = sluice.log_text()
    assert "admin_login_failed" in log and "test-only" not in log


def test_guessing_is_slowed_down(begin):
    at = begin()
    answers = [Api(at.sluice, f"ops:guess-{i}").get("pools") for i in range(20)]
    assert answers[0].status == 401
    slowed = [answer for answer in answers if answer.status != 401]
    assert slowed and {answer.code for answer in slowed} == {"429 too_many_logins"}
    assert slowed[0].headers["retry-after"] == "1"
    wait_until(lambda: Api(at.sluice).get("pools").status == 200, 10, "the right password is taken again")


def test_wrong_requests(begin):
    at = begin()
    api = Api(at.sluice)
    big = "{" + " " * 70000 + "}"
    for name, body, code in [("pause", "{", "400 bad_request"), ("pause", "[]", "400 bad_request"),
                             ("pause", '{"pool": 1}', "400 bad_request"),
                             ("pause", '{"pol": "main"}', "400 bad_request"),
                             ("pause", '{"pool": "main", "pool": "x"}', "400 bad_request"),
                             ("pause", '{"pool": "nowhere"}', "404 unknown_pool"),
                             ("kill", "{}", "400 bad_request"),
                             ("kill", '{"session": 4000000000}', "404 unknown_session"),
                             ("drain", '{"mode": "now"}', "400 bad_request"),
                             ("log_level", '{"level": "loud"}', "400 bad_request"),
                             ("pause", big, "413 body_too_large")]:
        answer = api.post(name, body)
        assert answer.code == code, (name, body[:40], answer)
        fits(f"/api/v1/{name}", "post", answer)
    assert api.raw_post("pause", "-H", "X-Sluice-Request: 1", "-d", "pool=main").code == "415 unsupported_media_type"
    for method, path, allow in [("GET", "pause", "POST"), ("DELETE", "pools", "GET, HEAD"), ("PUT", "pause", "POST"),
                                ("OPTIONS", "pools", "GET, HEAD"), ("HEAD", "drain", "POST")]:
        answer = api.get(path, *(["-I"] if method == "HEAD" else ["-X", method]))
        assert (answer.status, answer.headers["allow"]) == (405, allow), (method, path)
    for path in ("/api/v1/../../etc/passwd", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/pools/",
                 "/api/v1//pools", "/dashboard/../../sluice.yaml", "/api/v1/pools%00"):
        answer = curl(api.base + path, "--path-as-is", *api.options)
        assert answer.code == "404 not_found", path
        assert "root:" not in answer.body
    assert api.get("pools", "-H", "X: " + "x" * 9000).code == "431 header_too_large"
    assert api.get("pools?x=1").code == "400 bad_request"
    assert api.get("events?after=x").code == "400 bad_request"
    status = api.get("status")
    assert status.headers["content-type"] == "application/json"
    assert status.headers["x-content-type-options"] == "nosniff" and status.headers["cache-control"] == "no-store"
    assert status.headers["x-frame-options"] == "DENY" and "default-src 'none'" in status.headers["content-security-policy"]
    assert api.get("pools").data[0]["paused"] is False and api.get("status").data["draining"] is False


def test_pages_of_other_sites_cannot_ask(begin):
    at = begin()
    api = Api(at.sluice)
    json_body = ["-H", "Content-Type: application/json", "-d", "{}"]
    assert api.raw_post("pause", *json_body).code == "403 header_missing"
    assert api.post("pause", {}, "-H", "Origin: http://evil.example").code == "403 foreign_origin"
    assert api.post("pause", {}, "-H", "Origin: null").code == "403 foreign_origin"
    assert api.post("pause", {}, "-H", "Sec-Fetch-Site: cross-site").code == "403 foreign_origin"
    assert api.get("pools", "-H", "Sec-Fetch-Site: same-site").code == "403 foreign_origin"
    assert api.get("pools", "-H", "Host: rebound.example").code == "421 wrong_host"
    assert "access-control-allow-origin" not in api.get("pools").headers
    assert api.get("pools").data[0]["paused"] is False
    assert api.post("resume", {}, "-H", f"Origin: {api.base}", "-H", "Sec-Fetch-Site: same-origin").status == 200


def test_the_socket(begin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("socket")
    path = folder / "admin.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()  # left behind by somebody who was killed
    at = begin(admin={"socket": str(path)})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ask = ["--unix-socket", path, "-H", "X-Sluice-Request: 1"]
    me = curl("http://sluice/api/v1/me", *ask)
    assert me.data["right"] == "act" and me.data["user"].startswith("uid ")
    assert curl("http://sluice/api/v1/resume", *ask, "-X", "POST").status == 200
    wait_until(lambda: re.search(r"admin_request .*uid ", at.sluice.log_text()), 10, "the log says who asked")
    assert "another process listens there" in log_of_a_second(at, path)
    assert curl("http://sluice/livez", *ask).status == 200
    at.sluice.stop()
    assert not path.exists()


def log_of_a_second(at, path) -> str:
    """What a sluice says that cannot have the socket."""
    listener = {**at.sluice.config["listeners"][0], "bind": f"{LOOPBACK}:{free_port()}"}
    other = Sluice({**at.sluice.config, "listeners": [listener], "admin": {"socket": str(path), "http": None}},
                   wait=False)
    try:
        wait_until(lambda: not other.daemon.running(), 10, "it has ended")
        return other.log_text()
    finally:
        other.daemon.stop()


def test_tls(server, tmp_path_factory):
    made = make_certificates(tmp_path_factory.mktemp("tls"))
    tls = {"mode": "require", "cert_file": str(made.cert), "key_file": str(made.key)}
    sluice = Sluice(config_for(server("pg15"), users=USERS, extra={"admin": {"tls": tls}}), wait=False)
    try:
        secure = Api(sluice, ACT, "--cacert", made.ca, scheme="https")
        wait_until(lambda: secure.get("status").status == 200, 30, "https answers")
        assert secure.post("resume", {}, "-H", f"Origin: {secure.base}").status == 200
        assert secure.post("resume", {}, "-H", f"Origin: {secure.base.replace('https', 'http')}").status == 403
        assert Api(sluice, ACT, scheme="https").get("status").status == 0  # nobody vouches for it
        assert Api(sluice).get("status").status == 0
        assert secure.get("status", "--tls-max", "1.1").status == 0
        other = make_certificates(tmp_path_factory.mktemp("renewed"))
        made.cert.write_bytes(other.cert.read_bytes())
        made.key.write_bytes(other.key.read_bytes())
        secure.post("reload")  # the watch may have come first, and the old authority vouches no more
        renewed = Api(sluice, ACT, "--cacert", other.ca, scheme="https")
        wait_until(lambda: renewed.get("status").status == 200, 10, "the new certificate is shown")
        assert secure.get("status").status == 0
    finally:
        sluice.close()


def test_another_certificate_takes_a_reload_and_no_tls_a_restart(server, tmp_path_factory):
    first, second = (make_certificates(tmp_path_factory.mktemp(name)) for name in ("first", "second"))

    def files(made):
        return {"mode": "require", "cert_file": str(made.cert), "key_file": str(made.key)}

    sluice = Sluice(config_for(server("pg15"), users=USERS,
                               extra={"admin": {"tls": files(first)}, "reload": {"watch": False}}), wait=False)

    def trusting(made) -> Api:
        return Api(sluice, ACT, "--cacert", made.ca, scheme="https")

    def reload(asked_by, **tls) -> Answer:
        sluice.config["admin"]["tls"] = tls
        write_config(sluice.folder, sluice.config)
        return trusting(asked_by).post("reload")

    try:
        wait_until(lambda: trusting(first).get("status").status == 200, 30, "https answers")
        renewed = reload(first, **files(second)).data
        assert renewed["changed"] == ["admin.tls.cert_file", "admin.tls.key_file"] and renewed["needs_restart"] == []
        assert trusting(second).get("status").data["needs_restart"] == []
        assert trusting(first).get("status").status == 0

        key = second.key.read_bytes()
        second.key.write_text("not a key")
        refused = reload(second, **files(second))
        assert refused.code == "422 reload_failed" and str(second.key) in refused.body
        status = trusting(second).get("status").data
        assert status["reload_ok"] is False and str(second.key) in status["reload_error"]
        told = [event for event in trusting(second).get("events").data if event["kind"] == "reload_failed"]
        assert len(told) == 1 and str(second.key) in told[0]["text"]

        second.key.write_bytes(key)
        assert reload(second, mode="disable").data["needs_restart"] == ["admin.tls.cert_file", "admin.tls.key_file",
                                                                        "admin.tls.mode"]
        assert trusting(second).get("status").data["reload_ok"] is True
    finally:
        sluice.close()
