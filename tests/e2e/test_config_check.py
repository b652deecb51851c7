"""sluice check, sluice --version and a start with a bad configuration."""

import re
import subprocess
from types import SimpleNamespace

import pytest
from conftest import config_for
from harness.process import remove, scratch
from harness.sluice import binary, check
from harness.tls import make_certificates

pytestmark = pytest.mark.proxy_only


@pytest.fixture(autouse=True)
def built():
    if not binary().exists():
        pytest.skip(f"{binary()} has not been built")


BAD = """version: 1
listeners:
  - {name: pg, protocol: postgres, bind: 127.0.0.1:6432}
pools:
  main:
    url: postgresql://app@127.0.0.1:5432/pets
    pool_sise: 5
    pool_timeout: soon
users:
  - {name: app, password: x, password: y}
routes:
  - {name: all, pool: mian}
"""


def test_version():
    done = subprocess.run([str(binary()), "--version"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_a_good_file(server):
    done = check(config_for(server("pg15")), "--offline")
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_errors_at_once_with_their_places():
    done = check(BAD, "--offline")
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    places = {int(line) for line in re.findall(r"sluice\.yaml:(\d+):\d+", text)}
    assert {3, 7, 8, 10, 12} <= places, text
    assert "pool_size" in text, "a did-you-mean for pool_sise"
    assert "main" in text


def test_what_is_not_built_yet_is_refused(server):
    for key, value in (("auth", {"passthrough": True}), ("auth", {"query": {"url": "postgresql://db"}})):
        done = check(config_for(server("pg15"), extra={key: value}), "--offline")
        text = done.stdout + done.stderr
        if done.returncode == 0:
            continue  # built by now
        assert "not supported yet" in text


def test_a_schedule_that_its_pool_could_not_follow(server):
    office = {"cron": "50 8 * * 1-5", "timezone": "Asia/Seoul", "action": "resize", "pool": "main", "pool_size": 3}
    good = check(config_for(server("pg15"), extra={"schedules": [office]}), "--offline")
    assert good.returncode == 0 and re.fullmatch(r"\S*sluice\.yaml: OK\n", good.stdout + good.stderr)
    for change, text in (({"min_idle": 4}, r"min_idle: is more than pool_size \(4 > 3\)"),
                         ({"cron": "0 0 31 11 *"}, "cron: never comes"), ({"cron": "0 0 * * 8"}, r"cron: field 5 \("),
                         ({"timezone": "Asia/Soul"}, 'timezone: must be .* did you mean "Asia/Seoul"'),
                         ({"action": "pause"}, "pool_size: is for resize"), ({"pool": "mian"}, 'did you mean "main"')):
        done = check(config_for(server("pg15"), extra={"schedules": [{**office, **change}]}), "--offline")
        assert done.returncode == 1
        assert re.search(rf"sluice\.yaml:\d+:\d+: error: schedules\[0\]\..*{text}", done.stderr), done.stderr


def test_what_chains_and_routes_say_against_themselves(server):
    config = config_for(server("pg15"), route={"match": {"user": "a*"}, "on_refuse": {"message": "no"}})
    config["routes"].append({"name": "hidden", "pool": "main", "match": {"user": "app"},
                             "middleware": [{"statement_rules": [{"deny": "drop|", "timeout": "5s"}]}]})
    done = check(config, "--offline")
    assert done.returncode == 1
    for part in ('"hidden" is never reached: the route "all"', "matches every statement",
                 "has nothing to act on", "no middleware of its chain refuses anything"):
        assert part in done.stderr, done.stderr


def on(family: str, **options) -> dict:
    """A configuration for a server that need not run."""
    server = SimpleNamespace(name="db", family=family, url=lambda: f"{family}://app@127.0.0.1:1/pets")
    return config_for(server, **options)


CONTRADICTIONS = [
    ("postgresql", {"min_idle": 5}, ("min_idle", "pool_size")),
    ("postgresql", {"overflow_delay": "1s"}, ("overflow_delay", "max_overflow")),
    ("postgresql", {"overflow_delay": "10s", "max_overflow": 1}, ("overflow_delay", "pool_timeout")),
    ("postgresql", {"autocommit": True}, ("autocommit", "url")),
    ("mysql", {"autocommit": False, "isolation_level": "AUTOCOMMIT"}, ("isolation_level", "autocommit")),
    ("mysql", {"autocommit": False, "pool_mode": "statement"}, ("pool_mode", "autocommit")),
    ("mysql", {"max_db_connections": 5}, ("max_db_connections", "url")),
]


@pytest.mark.parametrize("family,options,both", CONTRADICTIONS)
def test_contradictions_are_refused_with_both_names_and_the_place(family, options, both):
    done = check(on(family, **options), "--offline")
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    problem = re.search(r"sluice\.yaml:\d+:\d+: error: pools\.main\.(.*)", text)
    assert problem, text
    assert problem[1].startswith(both[0]) and both[1] in problem[1], text


def test_contradictions_of_the_limits():
    limits = {"query_timeout": "2m", "transaction_timeout": "1m"}
    done = check(on("postgresql", extra={"limits": limits}), "--offline")
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    assert re.search(r"sluice\.yaml:\d+:\d+: error: limits\.query_timeout: .*transaction_timeout", text)


def test_what_has_no_effect_is_a_warning():
    done = check(on("postgresql", keepalive_time="1h", pool_recycle="30m"), "--offline")
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert re.search(r"sluice\.yaml:\d+:\d+: warning: pools\.main\.keepalive_time: .*pool_recycle", text)


@pytest.mark.parametrize("url,accepted", [
    ("postgresql://app@db1:5432,db2:5433/pets", True),
    ("postgresql://app@/pets?host=db1,[::1],/run/postgresql&port=5432", True),
    ("postgresql://app@/pets?host=db1:5432&host=db2:5433", True),
    ("mysql://app@db1:3306,db2:3307/pets", True),
    ("mysql://app:canary-8731@db1,db1/pets", False),
    ("postgresql://app:canary-8731@db1,db2:0/pets", False),
    ("postgresql://app:canary-8731@db1/pets?host=db2", False),
])
def test_several_hosts_of_a_url(url, accepted):
    done = check(on(url.split(":")[0], url=url), "--offline")
    text = done.stdout + done.stderr
    assert (done.returncode == 0) == accepted, text
    assert accepted or re.search(r"sluice\.yaml:\d+:\d+: error: pools\.main\.url: ", text), text
    assert "canary-8731" not in text


def with_tls(server, certificates, **tls) -> dict:
    made = {"mode": "require", "cert_file": str(certificates.cert), "key_file": str(certificates.key)}
    return config_for(server, extra={"admin": {"http": "127.0.0.1:0", "tls": {**made, **tls}}})


def test_certificates_are_looked_into(server, tmp_path):
    one = server("pg15")
    certificates = make_certificates(tmp_path)
    done = check(with_tls(one, certificates))
    assert done.returncode == 0
    assert "warning: admin: the certificate in " in done.stderr and " ends on " in done.stderr, done.stderr
    assert check(with_tls(one, certificates), "--strict").returncode == 1
    done = check(with_tls(one, certificates, key_file=str(certificates.ca.with_suffix(".key"))))
    assert done.returncode == 1 and "admin: " in done.stderr and "ca.key" in done.stderr, done.stderr
    (tmp_path / "noise.crt").write_text("no certificate\n")
    config = with_tls(one, certificates)
    config["pools"]["main"]["tls"] = {"mode": "verify-ca", "ca_file": str(tmp_path / "noise.crt")}
    done = check(config)
    assert done.returncode == 1 and "pool main: " in done.stderr and "noise.crt" in done.stderr, done.stderr
    assert check(config, "--offline").returncode == 0


def test_variables_and_files(server, monkeypatch):
    folder = scratch("secret")
    secret = folder / "password"
    secret.write_text("only-for-tests\n")
    monkeypatch.setenv("E2E_SIZE", "7")
    config = config_for(server("pg15"), pool_size=7)
    config["users"] = [{"name": "${E2E_USER:-app}", "password_file": str(secret)}]
    try:
        assert check(config).returncode == 0, check(config).stderr
        secret.unlink()
        missing = check(config)
        assert missing.returncode == 1
        assert str(secret) in missing.stdout + missing.stderr
        assert check(config, "--offline").returncode == 0
    finally:
        remove(folder)


def test_an_unset_variable_and_no_secret_in_the_output():
    text = BAD.replace("password: x, password: y", 'password: "${SLUICE_E2E_NOT_SET}"')
    done = check(text, "--offline")
    assert done.returncode == 1
    assert "SLUICE_E2E_NOT_SET" in done.stdout + done.stderr
    shown = check(BAD.replace("password: x", "password: canary-8731"), "--offline")
    assert "canary-8731" not in shown.stdout + shown.stderr


@pytest.mark.parametrize("text", ["", "[]", "version: 2\n", "{", "a: &x [*x]\n", "\x00\x01", "version: 1\n" * 2,
                                  "a: " + "[" * 5000])
def test_files_that_are_no_configuration(text):
    done = check(text, "--offline")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "sluice.yaml" in done.stdout + done.stderr


def test_run_refuses_a_bad_file_and_a_missing_one(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(BAD)
    for where in (path, tmp_path / "absent.yaml"):
        done = subprocess.run([str(binary()), "run", "-c", str(where)], capture_output=True, text=True,
                              timeout=20)
        assert done.returncode == 1
        assert where.name in done.stdout + done.stderr


def test_what_drives_the_sockets_is_told():
    done = check(on("postgresql", extra={"io": "epoll"}))
    assert done.returncode == 0, done.stderr
    assert "sockets by epoll (io: epoll)" in done.stdout
    done = check(on("postgresql", extra={"io": "auto"}))
    assert done.returncode == 0, done.stderr
    assert re.search(r"sockets by (io_uring|epoll) \(io: auto; .+\)", done.stdout), done.stdout
    # --offline asks the kernel nothing.
    assert "sockets by" not in check(on("postgresql", extra={"io": "io_uring"}), "--offline").stdout
