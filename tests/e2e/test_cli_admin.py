"""`sluice ctl`, `reload`, `drain`, `probe` and `top` against a running sluice, by its socket and its port."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from clients import connection, rows, run, value
from conftest import config_for
from harness import schema
from harness.process import LOOPBACK, wait_until
from harness.sluice import Sluice, binary, write_config
from harness.tls import client_certificate, make_certificates

pytestmark = pytest.mark.proxy_only

OPS = {"name": "ops", "password": "ops-4711", "admin": True}
LOOKER = {"name": "looker", "password": "look-4711", "admin": "read_only"}


@pytest.fixture
def run_sluice(start, tmp_path_factory):
    """run_sluice(server): the Endpoint of a sluice with an admin socket and admin users. `watch`: it
    reads its file again by itself when that changes."""
    def get(server, watch=True, **options):
        socket = tmp_path_factory.mktemp("admin", numbered=True) / "admin.sock"
        users = [{"name": schema.APP, "password": schema.PASSWORD}, OPS, LOOKER]
        return start(server, users=users, extra={"admin": {"socket": str(socket)}, "reload": {"watch": watch}},
                     **options)

    return get


def socket_of(at) -> str:
    return "unix:" + at.sluice.config["admin"]["socket"]


def sluice(*words, **options) -> subprocess.CompletedProcess:
    return run([binary(), *words], **options)


def ctl(at, *words, **options) -> subprocess.CompletedProcess:
    return sluice("ctl", "--admin", socket_of(at), *words, **options)


def test_ctl_shows_and_acts(any_server, run_sluice):
    at = run_sluice(any_server)
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1
        text = ctl(at, "SHOW", "POOLS")
        assert text.returncode == 0, text.stderr
        heading, rule, *rows = text.stdout.splitlines()
        assert "cl_active" in heading and set(rule) == {"-", " "} and any(schema.APP in row for row in rows)
        listed = json.loads(ctl(at, "--json", "show pools").stdout)
        assert any(row["database"] == "main" or row["database"] == schema.DATABASE for row in listed), listed
        assert ctl(at, "pause", "main").returncode == 0
        pools = json.loads(sluice("ctl", "--admin", socket_of(at), "--json", "show", "databases").stdout)
        assert pools
        assert ctl(at, "resume", "main").returncode == 0
        assert value(client, "SELECT 2") == 2
    unknown = ctl(at, "pause", "no_such_pool")
    assert unknown.returncode == 1 and "no_such_pool" in unknown.stderr
    assert ctl(at, "FLY").returncode == 1
    assert sluice("ctl", "--admin", socket_of(at)).returncode == 2


def test_ctl_waits_as_the_console_does(any_server, run_sluice):
    at = run_sluice(any_server)
    with connection(at) as client:
        rows(client, "BEGIN")
        assert value(client, "SELECT 1") == 1
        pausing = subprocess.Popen([binary(), "ctl", "--admin", socket_of(at), "pause"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        assert pausing.poll() is None, "a transaction holds a connection"
        rows(client, "COMMIT")
        said, told = pausing.communicate(timeout=20)
        assert (pausing.returncode, said) == (0, "PAUSE\n") and "waiting" in told, told
        assert ctl(at, "WAIT_PAUSE").returncode == 0
        assert ctl(at, "resume").returncode == 0
        assert "is not paused" in ctl(at, "WAIT_PAUSE").stderr
        assert value(client, "SELECT 2") == 2


def test_ctl_tells_what_else_there_is_to_say(any_server, run_sluice):
    done = ctl(run_sluice(any_server), "reload")
    assert (done.returncode, done.stdout) == (0, "RELOAD\n"), done
    assert "nothing has changed" in done.stderr


def test_the_port_asks_who_it_is(any_server, run_sluice):
    at = run_sluice(any_server)
    http = f"http://{LOOPBACK}:{at.sluice.admin_port}"

    def asked(user, password, *words):
        return sluice("ctl", "--admin", http, "-u", user, *words, env={"SLUICE_ADMIN_PASSWORD": password})

    assert asked("ops", OPS["password"], "show pools").returncode == 0
    wrong = asked("ops", "wrong-4711", "show pools")
    assert wrong.returncode == 1 and "wrong-4711" not in wrong.stderr, wrong
    assert asked(schema.APP, schema.PASSWORD, "show pools").returncode == 1
    assert asked("looker", LOOKER["password"], "pause main").returncode == 1
    nobody = sluice("ctl", "--admin", http, "show pools")
    assert nobody.returncode == 1 and "--user" in nobody.stderr
    without = sluice("ctl", "--admin", http, "-u", "ops", "show pools")
    assert without.returncode == 1 and "SLUICE_ADMIN_PASSWORD" in without.stderr
    seen = sluice("top", "--once", "-u", "looker", env={"SLUICE_ADMIN": http, "SLUICE_ADMIN_PASSWORD": LOOKER["password"]})
    assert seen.returncode == 0 and "POOL" in seen.stdout, seen.stderr


@pytest.mark.parametrize("words,told", [
    (["--admin", "nowhere"], "an admin address is"),
    (["--admin", "unix:/nonexistent/socket"], "no answer from unix:/nonexistent/socket: No such file"),
    (["--admin", "http://127.0.0.1:1", "-u", "x"], "no answer from http://127.0.0.1:1: Connection refused"),
    ([], "which sluice?"),
    (["-c", "/nonexistent/x"], "cannot read the file"),
])
def test_nobody_there(words, told):
    done = sluice("ctl", *words, "show pools", env={"SLUICE_ADMIN_PASSWORD": "x", "SLUICE_ADMIN": ""})
    assert done.returncode == 1 and told in done.stderr, done.stderr


def test_reload_tells_what_has_changed(any_server, run_sluice):
    at = run_sluice(any_server, watch=False)
    path = at.sluice.folder / "sluice.yaml"
    config = json.loads(path.read_text())
    config["pools"]["main"]["pool_size"] = 5
    write_config(at.sluice.folder, config)
    done = sluice("reload", "-c", path)
    assert done.returncode == 0 and "pools.main.pool_size" in done.stdout, done
    assert "nothing has changed" in sluice("reload", "-c", path).stdout
    config["pools"]["main"]["pool_size"] = 0
    write_config(at.sluice.folder, config)
    bad = sluice("reload", "--admin", socket_of(at))
    assert bad.returncode == 1 and "pool_size" in bad.stderr, bad
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1


def test_drain_waits_for_the_end(any_server, run_sluice):
    at = run_sluice(any_server)
    with connection(at) as client:
        value(client, "SELECT 1")
        done = sluice("drain", "--admin", socket_of(at), "--wait", timeout=30)
        assert done.returncode == 0 and "ended" in done.stderr, done
    wait_until(lambda: not at.sluice.daemon.running(), 5, "the process is gone")
    assert at.sluice.daemon.process.returncode == 0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


def with_https(begin, server, cert, key):
    """ask(*words, **environment): the program over https, as ops; ask.sluice has its admin port behind TLS."""
    users = [{"name": schema.APP, "password": schema.PASSWORD}, OPS]
    tls = {"mode": "require", "cert_file": str(cert), "key_file": str(key)}
    running = begin(config_for(server("pg15"), users=users, extra={"admin": {"tls": tls}}))
    url = f"https://{LOOPBACK}:{running.admin_port}"

    def ask(*words, at=url, **environment):
        where = [] if at is None else ["--admin", at]
        return sluice(*words, *where, "-u", "ops",
                      env={"SLUICE_ADMIN_PASSWORD": OPS["password"], "SLUICE_ADMIN_CA_FILE": "", **environment})

    ask.sluice, ask.url = running, url
    wait_until(lambda: "no answer" not in ask("reload").stderr, 30, "somebody answers")
    return ask


@pytest.fixture
def begin_sluice():
    """begin(config): a sluice that is not waited for: its probes are behind TLS."""
    running = []

    def begin(config) -> Sluice:
        running.append(Sluice(config, wait=False))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture
def secure(server, begin_sluice, certificates):
    return with_https(begin_sluice, server, certificates.cert, certificates.key)


def test_https_is_verified(secure, certificates, tmp_path):
    trusting = ["--ca-file", certificates.ca]
    shown = secure("ctl", *trusting, "--json", "show", "pools")
    assert shown.returncode == 0 and json.loads(shown.stdout) is not None, shown
    assert "nothing has changed" in secure("reload", *trusting).stdout
    assert "POOL" in secure("top", "--once", SLUICE_ADMIN_CA_FILE=str(certificates.ca)).stdout
    by_name = secure.url.replace(LOOPBACK, "localhost")
    assert secure("reload", *trusting, at=by_name).returncode == 0, "the certificate is for that, too"
    from_file = secure("reload", "-c", secure.sluice.folder / "sluice.yaml", *trusting, at=None)
    assert from_file.returncode == 0, f"the file says that it is https: {from_file}"

    stranger = make_certificates(tmp_path)
    for command in (["ctl", "show pools"], ["top", "--once"], ["reload"], ["drain", "--wait"]):
        for more in ([], ["--ca-file", stranger.ca]):
            refused = secure(*command, *more)
            assert refused.returncode == 1 and "--ca-file" in refused.stderr, refused
            assert f"the certificate of {secure.url} is not trusted: " in refused.stderr, refused
            assert OPS["password"] not in refused.stderr + refused.stdout
    assert secure.sluice.daemon.running(), "and nobody has drained it"
    none = secure("reload", "--ca-file", tmp_path / "none.crt")
    assert none.returncode == 1 and f"'{tmp_path / 'none.crt'}': No such file" in none.stderr, none
    plain = secure("reload", at=secure.url.replace("https", "http"))
    assert plain.returncode == 1 and "the address begins with https://" in plain.stderr, plain


def test_https_is_verified_by_name(server, begin_sluice, certificates, tmp_path):
    ask = with_https(begin_sluice, server, *client_certificate(certificates, tmp_path, "elsewhere.example"))
    for url in (ask.url, ask.url.replace(LOOPBACK, "localhost")):
        refused = ask("reload", "--ca-file", certificates.ca, at=url)
        assert refused.returncode == 1 and "mismatch" in refused.stderr.lower(), refused
        assert "a name or an address that is in it" in refused.stderr, refused


def test_drain_over_https_waits_for_the_end(secure, certificates):
    done = secure("drain", "--wait", "--ca-file", certificates.ca)
    assert done.returncode == 0 and "ended" in done.stderr, done
    wait_until(lambda: not secure.sluice.daemon.running(), 5, "the process is gone")


def probe(place: str, *words) -> tuple[int, list[str]]:
    """Exit status, and what it said."""
    done = sluice("probe", "--admin", place, *words)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_probe_answers_without_a_login(server, run_sluice):
    at = run_sluice(server("pg15"))
    for place in (socket_of(at), f"http://{LOOPBACK}:{at.sluice.admin_port}"):
        assert probe(place) == (0, ["ready"])
        assert probe(place, "--started", "--live", "--ready") == (0, ["started", "live", "ready"])
    assert sluice("probe", "-c", at.sluice.folder / "sluice.yaml", env={"SLUICE_ADMIN": "unix:/nonexistent"}).returncode == 0
    assert sluice("probe", env={"SLUICE_ADMIN": socket_of(at)}).returncode == 0
    gone, said = probe("unix:/nonexistent", "--live")
    assert gone == 1 and said[0].startswith("sluice probe: no answer from unix:/nonexistent")
    assert probe("nowhere")[0] == 1 and sluice("probe", "--dead").returncode == 2


def test_probe_tells_why_it_is_not_ready(any_server, run_sluice):
    at = run_sluice(any_server)
    with connection(at) as client:
        value(client, "SELECT 1")
        assert sluice("drain", "--admin", socket_of(at), "--mode", "wait_for_clients").returncode == 0
        wait_until(lambda: probe(socket_of(at)) == (1, ["not ready: draining"]), 10, "it is not ready")
        assert probe(socket_of(at), "--started", "--live") == (0, ["started", "live"])
    wait_until(lambda: not at.sluice.daemon.running(), 10, "the process is gone")
    assert probe(socket_of(at), "--live")[0] == 1


def test_probe_over_https(server, tmp_path_factory):
    made, other = (make_certificates(tmp_path_factory.mktemp("tls", numbered=True)) for _ in range(2))
    tls = {"mode": "require", "cert_file": str(made.cert), "key_file": str(made.key)}
    config = config_for(server("pg15"), extra={"admin": {"tls": tls}})
    running = Sluice(config, wait=False)
    try:
        place = f"https://{LOOPBACK}:{running.admin_port}"
        wait_until(lambda: probe(place) == (0, ["ready"]), 30, "it is ready, whoever vouches for it")
        assert probe(place, "--ca-file", made.ca) == (0, ["ready"])
        assert probe(place, "--ca-file", other.ca)[0] == 1
        assert sluice("probe", "-c", running.folder / "sluice.yaml").returncode == 0
    finally:
        running.close()


class Screen:
    """A terminal of 100 by 30 with `sluice top` in it."""

    def __init__(self, *words):
        pid, self.master = pty.fork()
        if pid == 0:
            os.execv(binary(), [str(word) for word in (binary(), "top", *words)])
        self.pid = pid
        self.text = ""
        self.resize(30, 100)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> str:
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                break
        return self.text

    def wait_for(self, part: str, seconds=15) -> str:
        """What has come since the last call, once `part` is in it."""
        wait_until(lambda: part in self.read(), seconds, f"{part!r} on the screen:\n{self.text[-3000:]}")
        text, self.text = self.text, ""
        return text

    def type(self, keys: str):
        os.write(self.master, keys.encode())

    def end(self) -> int:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.read()
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                os.close(self.master)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"top did not end:\n{self.text[-3000:]}")


def test_top_lives_in_a_terminal(any_server, run_sluice):
    at = run_sluice(any_server)
    with connection(at) as client:
        value(client, "SELECT 1")
        screen = Screen("--admin", socket_of(at), "--interval", "0.5")
        first = screen.wait_for("sessions 1")
        assert "\x1b[?1049h" in first and "CL_ACTIVE" in first
        assert re.search(rf"main +{schema.APP}", first)
        screen.type("/nobody-like-that\r")
        screen.wait_for("sessions 0")
        screen.type("\x1b")
        screen.wait_for("sessions 1")
        screen.type("\x1b[C")
        screen.wait_for("IDv")
        with connection(at) as second:
            value(second, "SELECT 1")
            screen.wait_for("sessions 2")
            screen.type(" ")
            screen.wait_for("stopped")
        screen.type(" ")
        screen.wait_for("sessions 1")
        screen.resize(10, 40)
        wait_until(lambda: "sessions" in screen.read(), 5, "drawn again")
        lines = screen.wait_for("q quit").split("\x1b[H")[-1].split("\r\n")
        assert all(len(re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", line)) <= 40 for line in lines), lines
        screen.type("q")
        assert screen.end() == 0
        assert screen.text.rstrip().endswith("\x1b[?25h\x1b[?1049l")


def test_top_goes_on_while_nobody_answers(any_server, run_sluice):
    at = run_sluice(any_server)
    screen = Screen("--admin", socket_of(at), "--interval", "0.5")
    screen.wait_for("q quit")
    at.sluice.stop()
    screen.wait_for("no answer from")
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.end() == 0


def test_top_without_a_terminal(any_server, run_sluice):
    at = run_sluice(any_server)
    done = sluice("top", "--admin", socket_of(at))
    assert done.returncode == 0 and "\x1b" not in done.stdout, done
    assert done.stdout.startswith("sluice ") and "POOL" in done.stdout and "APPLICATION" in done.stdout
