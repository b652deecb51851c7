"""`sluice config`, `check` and `run --backend`: files that are made, shown and tried against servers."""

import json
import pathlib
import re
import shlex
import shutil
import subprocess

import jsonschema
import pytest
import yaml
from clients import connection, psql_value, run, value
from conftest import Endpoint, config_for
from harness import schema
from harness.process import LOOPBACK, Daemon, free_port, remove, scratch
from harness.sluice import binary, check, write_config

pytestmark = pytest.mark.proxy_only

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def folder():
    made = scratch("cli")
    yield made
    remove(made)


def sluice(*words, **options) -> subprocess.CompletedProcess:
    return run([binary(), *words], **options)


def out(*words, **options) -> str:
    done = sluice(*words, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def validator():
    described = json.loads(out("config", "schema"))
    jsonschema.Draft202012Validator.check_schema(described)
    return jsonschema.Draft202012Validator(described)


def paths(validator, document) -> set[str]:
    """Where the schema finds something wrong."""
    return {".".join(map(str, error.absolute_path)) for error in validator.iter_errors(document)}


def test_the_schema_takes_the_example(validator):
    assert paths(validator, yaml.safe_load((ROOT / "docs/sluice.example.yaml").read_text())) == set()


def test_the_schema_takes_the_whole_surface_but_for_what_check_refuses(validator):
    text = (ROOT / "tests/config/fixtures/whole_surface.yaml").read_text()
    refused = set()
    for path in re.findall(r"error: ([\w.\[\]]+): not supported yet", check(text, "--offline").stderr):
        refused.add(path.replace("[", ".").replace("]", ""))
    assert paths(validator, yaml.safe_load(text)) == refused


WRONG = [
    ({"pools": {"main": {"pool_sise": 3}}}, "pools.main"),
    ({"pools": {"main": {"pool_size": 0}}}, "pools.main.pool_size"),
    ({"pools": {"main": {"pool_size": "many"}}}, "pools.main.pool_size"),
    ({"pools": {"main": {"pool_timeout": "soon"}}}, "pools.main.pool_timeout"),
    ({"pools": {"main": {"pool_mode": "sesion"}}}, "pools.main.pool_mode"),
    ({"pools": {"main": {"isolation_level": "READ"}}}, "pools.main.isolation_level"),
    ({"limits": {"max_message": "1 GB"}}, "limits.max_message"),
    ({"middleware": ["row_limit"]}, "middleware.0"),
    ({"middleware": [{"row_limit": {"rows": -1}}]}, "middleware.0"),
    ({"middleware": [{"read_only": None, "tag": None}]}, "middleware.0"),
    ({"middleware": [{"no_such": {}}]}, "middleware.0"),
    ({"users": [{"name": "a", "md5_hash": "x"}]}, "users.0.md5_hash"),
    ({"listeners": [{"name": "a", "protocol": "pg", "bind": ":1"}]}, "listeners.0.protocol"),
    ({"listeners": [{"name": "a", "protocol": "postgresql", "bind": ":1", "proxy_protocol": {"trusted": []}}]},
     "listeners.0.proxy_protocol.trusted"),
    ({"listeners": [{"name": "a", "protocol": "postgresql", "bind": ":1", "proxy_protocol": {}}]},
     "listeners.0.proxy_protocol"),
    ({"schedules": [{"cron": "0 8 * *", "action": "pause", "pool": "main"}]}, "schedules.0.cron"),
    ({"schedules": [{"cron": "@daily", "action": "stop", "pool": "main"}]}, "schedules.0.action"),
    ({"schedules": [{"cron": "@daily", "action": "resize", "pool": "main", "pool_size": 0}]}, "schedules.0.pool_size"),
    ({"schedules": [{"cron": "@daily", "action": "pause"}]}, "schedules.0"),
]


def merged(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: merged(one.get(key), value) for key, value in other.items()}}
    return other


@pytest.mark.parametrize("change,where", WRONG, ids=[str(change) for change, _ in WRONG])
def test_the_schema_and_check_refuse_alike(validator, change, where):
    good = {"version": 1, "listeners": [{"name": "pg", "protocol": "postgresql", "bind": ":6432"}],
            "pools": {"main": {"url": "postgresql://app@db/pets"}}, "routes": [{"name": "all", "pool": "main"}]}
    assert paths(validator, good) == set()
    assert check(good, "--offline").returncode == 0
    bad = merged(good, change)
    assert paths(validator, bad) == {where}
    assert check(bad, "--offline").returncode == 1
    # What stands in the environment is not known to an editor.
    assert paths(validator, merged(good, {"pools": {"main": {"pool_size": "${SIZE:-3}"}}})) == set()


def test_what_is_shown_is_the_same_configuration(server, folder, monkeypatch):
    monkeypatch.setenv("SLUICE_TEST_PASSWORD", schema.PASSWORD)
    its = server("pg15")
    config = config_for(its, url=f"postgresql://app:${{SLUICE_TEST_PASSWORD}}@127.0.0.1:{its.port}/pets",
                        route={"middleware": ["read_only", {"settings": {"search_path": "x"}}]})
    path = write_config(folder, {"version": 1, **config})
    text = out("config", "show", "-c", path, "--effective", "--origin")
    assert schema.PASSWORD not in text and "'********'" in text
    assert re.search(r"password: '\*+'  # \S+sluice.yaml:\d+, environment SLUICE_TEST_PASSWORD\n", text)
    assert re.search(r"    pool_recycle: -1  # default\n", text)
    again = folder / "again.yaml"
    again.write_text(text)
    done = sluice("check", "-c", again, "--offline")
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(text)
    assert shown["pools"]["main"]["pool_size"] == 4 and shown["workers"] == 2
    given = yaml.safe_load(out("config", "show", "-c", path))
    assert "pool_recycle" not in given["pools"]["main"] and given["pools"]["main"]["pool_size"] == 4
    assert sluice("config", "show", "-c", folder / "none.yaml").returncode == 1


@pytest.mark.parametrize("url", ["postgresql://app:hush-4711@db/pets", "mysql+pymysql://app@db/pets?charset=utf8mb4"])
def test_a_start_passes_check(folder, url):
    path = folder / "sluice.yaml"
    path.write_text(out("config", "init", "--from-url", url, "--listen", "127.0.0.1:7000"))
    assert "hush-4711" not in path.read_text() and "127.0.0.1:7000" in path.read_text()
    done = sluice("check", "-c", path, "--offline", "--strict")
    assert done.returncode == 0, done.stderr
    assert out("config", "init", env={"DATABASE_URL": url}).startswith("#")
    assert sluice("config", "init", "--from-url", "x").returncode == 1


PGBOUNCER = """
[databases]
pets = host=127.0.0.1 port={port} pool_size=3
other = host=127.0.0.1 port={port} dbname=pets user=app password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = scram-sha-256
auth_file = userlist.txt
admin_users = app
pool_mode = transaction
server_fast_close = 1
"""


def test_a_converted_pgbouncer_serves(server, folder):
    its, listen = server("pg15"), free_port()
    (folder / "userlist.txt").write_text(f'"app" "{schema.PASSWORD}"\n')
    ini = folder / "pgbouncer.ini"
    ini.write_text(PGBOUNCER.format(port=its.port, password=schema.PASSWORD, listen=listen))
    path = folder / "sluice.yaml"
    path.write_text(out("config", "convert", "--from", "pgbouncer.ini", ini))
    assert "# not carried over: server_fast_close" in path.read_text()
    done = sluice("check", "-c", path, "--connect")
    assert done.returncode == 0, done.stderr
    assert re.search(r"pool pets: not tried: ", done.stdout), done.stdout
    assert re.search(r"pool other: logged in to \S+, version 15.*, with TLS, in \d+ ms", done.stdout)
    daemon = Daemon([binary(), "run", "-c", path], folder / "log")
    try:
        daemon.wait_for_port(listen)
        for database in ("pets", "other"):
            assert psql_value(Endpoint(its, listen, database=database), "SELECT current_database()") == "pets"
    finally:
        assert daemon.stop() == 0, daemon.log_text()


def test_bad_files_are_not_converted(folder):
    path = folder / "x.cnf"
    path.write_text("mysql_servers = (\n{ address = ")
    done = sluice("config", "convert", "--from", "proxysql.cnf", path)
    assert done.returncode == 1 and "x.cnf:2: a value is missing" in done.stderr and done.stdout == ""
    assert sluice("config", "convert", "--from", "pgbouncer.ini", folder / "none").returncode == 1
    assert sluice("config", "convert", "--from", "odyssey", path).returncode == 2


def test_check_logs_in(any_server):
    good = check(config_for(any_server), "--connect")
    assert good.returncode == 0, good.stderr
    assert re.search(r"pool main: logged in to \S+:\d+, version \S.*, with(out)? TLS, in \d+ ms", good.stdout)
    bad = config_for(any_server, url=any_server.url(password="wrong-4711"))
    assert check(bad).returncode == 0
    told = check(bad, "--connect")
    assert told.returncode == 1 and "pool main: " in told.stderr and "app" in told.stderr, told.stderr
    assert "wrong-4711" not in told.stdout + told.stderr
    closed = check(config_for(any_server, url=f"{any_server.family}://app:x@127.0.0.1:1/pets"), "--connect")
    assert closed.returncode == 1 and "127.0.0.1:1" in closed.stderr, closed.stderr


def test_warnings_are_errors_when_strict(any_server):
    config = config_for(any_server, keepalive_time="1h", pool_recycle="30m")
    assert check(config, "--offline").returncode == 0
    strict = check(config, "--offline", "--strict")
    assert strict.returncode == 1 and "--strict" in strict.stderr
    assert check(config, "--offline", "--connect").returncode == 2
    assert check(config, "--no-such-option").returncode == 2


def test_run_without_a_file(any_server, folder):
    port = free_port()
    daemon = Daemon([binary(), "run", "--backend", any_server.url(), "--listen", f"{LOOPBACK}:{port}",
                     "--admin-socket", folder / "admin.sock"], folder / "log")
    try:
        daemon.wait_for_port(port)
        with connection(Endpoint(any_server, port)) as client:
            assert value(client, "SELECT 1") == 1
        text = daemon.log_text()
        assert "pools:" in text and schema.PASSWORD not in text
    finally:
        assert daemon.stop() == 0, daemon.log_text()


def test_run_with_psql_and_passwords_of_the_environment(server, folder):
    its, ports = server("pg15"), (free_port(), free_port())
    bare = f"postgresql://app@{LOOPBACK}:{its.port}/pets"
    daemon = Daemon([binary(), "run", "--backend", bare, "--listen", f"{LOOPBACK}:{ports[0]}",
                     "--backend", server("mariadb").url(), "--listen", f"{LOOPBACK}:{ports[1]}",
                     "--user", "ann", "--user", "bob"], folder / "log",
                    env={"PGPASSWORD": schema.PASSWORD, "SLUICE_CLIENT_PASSWORD": "other"})
    try:
        for port in ports:
            daemon.wait_for_port(port)
        at = Endpoint(its, ports[0], user="ann", password="other")
        assert psql_value(at, "SELECT session_user") == "app"
        with connection(Endpoint(server("mariadb"), ports[1], user="bob", password="other")) as client:
            assert value(client, "SELECT 2") == 2
    finally:
        assert daemon.stop() == 0, daemon.log_text()


@pytest.mark.parametrize("words,status,told", [
    (["run"], 2, "give either -c FILE or --backend URL"),
    (["run", "--backend", "http://x"], 1, "must start with postgresql:// or mysql://"),
    (["run", "--backend", "postgresql://h/x"], 1, "give --user"),
    (["run", "--listen", ":1"], 2, "--listen requires --backend"),
    (["run", "-c", "x", "--backend", "postgresql://h/x"], 2, "excludes"),
    (["run", "-c", "/nonexistent/x"], 1, "cannot read the file"),
    ([], 2, "A subcommand is required"),
    (["chekc"], 2, 'there is no command "chekc"; did you mean "check"?'),
])
def test_bad_command_lines(words, status, told):
    done = sluice(*words, env={"PGPASSWORD": ""})
    assert done.returncode == status and told in done.stderr + done.stdout, done


def test_help_teaches():
    assert "Examples:" in out("--help")
    for command in ("run", "check", "hash", "explain-route", "ctl", "top", "reload", "drain", "completion", "man"):
        text = out(command, "--help")
        assert "Examples:\n  " in text and f"sluice {command}" in text, text
    for command in ("show", "schema", "init", "convert"):
        assert f"sluice config {command}" in out("config", command, "--help")


def complete(line: str) -> list[str]:
    """What bash would offer behind `line`."""
    script = out("completion", "bash") + f"""
COMP_WORDS=({line}); [[ '{line}' == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _sluice; printf '%s\\n' "${{COMPREPLY[@]}}\""""
    done = run(["bash", "-c", script])
    assert done.returncode == 0, done.stderr
    return [one for one in done.stdout.splitlines() if one]


def test_bash_completes():
    assert "explain-route" in complete("sluice ") and "config" in complete("sluice con")
    assert complete("sluice config sh") == ["show"]
    assert "--effective" in complete("sluice config show --")
    assert complete("sluice drain --mode i") == ["immediate"]
    assert complete("sluice completion z") == ["zsh"]
    assert str(ROOT / "docs/sluice.example.yaml") in complete(f"sluice check -c {ROOT}/docs/sluice.ex")


def test_bash_completes_names_with_blanks(folder):
    (folder / "old one.ini").touch()
    for line in ("sluice run -c", "sluice ctl --ca-file", "sluice config convert"):
        assert str(folder / "old one.ini") in complete(f"{line} {folder}/old"), line


COMPLETES = {
    "zsh": """
        local -a offered; local CURRENT=${#words}
        compadd() { offered+=("${@[2,-1]}") }
        _describe() { [[ $1 == -o ]] && shift; offered+=("${(@P)2}") }
        _files() { offered+=(FILES) }
        compdef() { }
        source SCRIPT; _sluice; print -rl -- ${offered%%:*}""",
    "fish": 'source SCRIPT; complete -C "$words" | string split -f1 \\t; true',
}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_complete(folder, shell):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} on this machine")
    script = folder / "script"
    script.write_text(out("completion", shell))

    def offers(*words) -> list[str]:
        """Behind these words, the last of which is not finished."""
        if shell == "zsh":
            set_words = f"f() {{ local -a words=({' '.join(map(shlex.quote, words))})"
            text = f"{set_words}; {COMPLETES['zsh']}; }}; f"
        else:
            text = f"set words {' '.join(map(shlex.quote, words))}; {COMPLETES['fish']}"
        done = run([shell, *(["-f"] if shell == "zsh" else ["--no-config"]), "-c", text.replace("SCRIPT", str(script))])
        assert done.returncode == 0 and done.stderr == "", done
        return done.stdout.splitlines()

    assert {"run", "config", "ctl", "explain-route"} <= set(offers("sluice", ""))
    assert {"show", "schema", "init", "convert"} <= set(offers("sluice", "config", ""))
    behind = offers("sluice", "config", "show", "-")
    assert "--effective" in behind and "--help" in behind and "--wait" not in behind
    assert not {"schema", "init", "run"} & set(offers("sluice", "config", "show", ""))
    assert {"drain", "wait_for_clients", "immediate"} <= set(offers("sluice", "drain", "--mode", ""))
    assert {"bash", "zsh", "fish"} <= set(offers("sluice", "completion", ""))
    assert not {"show", "convert"} & set(offers("sluice", "ctl", "show", "config", ""))


@pytest.mark.parametrize("shell,options", [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_completions_are_read_by_their_shells(folder, shell, options):
    script = folder / "script"
    script.write_text(out("completion", shell))
    try:
        done = run([shell, *options, script])
    except FileNotFoundError:
        pytest.skip(f"there is no {shell} on this machine")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_the_man_page_is_in_order():
    done = run(["mandoc", "-T", "lint", "-W", "error"], stdin=out("man"))
    assert done.returncode == 0 and done.stdout == "", done.stdout
    text = run(["mandoc", "-T", "ascii"], stdin=out("man")).stdout
    assert "explain-route" in re.sub(".\b", "", text)
