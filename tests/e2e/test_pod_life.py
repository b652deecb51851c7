"""A pod's life by the chart's own objects: it starts, gets ready, takes a change over, and ends while clients are busy."""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import psycopg
import pytest
from harness import pod as pods
from harness import schema, tools
from harness.process import LOOPBACK, remove, scratch, wait_until
from harness.service import Service
from harness.sluice import binary
from harness.tls import client_certificate, make_certificates

sys.path.insert(0, str(tools.ROOT / "tests/chart"))
import chart  # noqa: E402

pytestmark = [
    pytest.mark.proxy_only, pytest.mark.plain_build,
    pytest.mark.skipif(bool(pods.possible()), reason=pods.possible() or "possible"),
    pytest.mark.skipif(not (chart.TOOLS / "helm").exists(), reason="no helm"),
]

SECRETS = {"pets-db": {"password": schema.PASSWORD}, "sluice-users": {"app": "first", "other": "other"}}


def values(server, **config) -> dict:
    return {
        "image": {"repository": "registry.example/sluice"},
        "mysql": {"enabled": False},
        "drain": {"delay": "2s", "timeout": "15s"},
        "credentials": {"pets": {"secretName": "pets-db"}, "users": {"secretName": "sluice-users"}},
        "config": {
            "workers": 2,
            "pools": {"pets": {"url": f"postgresql://{schema.APP}@{LOOPBACK}:{server.port}/{schema.DATABASE}",
                               "password_file": "/run/secrets/sluice/pets/password", "pool_size": 6}},
            "users": [{"name": "app", "password_file": "/run/secrets/sluice/users/app"}],
            "routes": [{"name": "pets", "pool": "pets"}],
            **config,
        },
    }


@pytest.fixture(scope="module")
def image():
    """The files of the image, in a folder that becomes the root of the pods: SLUICE_IMAGE_ROOT, or made of the same script."""
    if os.environ.get("SLUICE_IMAGE_ROOT"):
        yield pathlib.Path(os.environ["SLUICE_IMAGE_ROOT"])
        return
    if not binary().exists():
        pytest.skip(f"{binary()} has not been built")
    folder = scratch("image")
    pods.image_files(binary(), folder / "root")
    (folder / "root").chmod(0o755)
    yield folder / "root"
    remove(folder)


@pytest.fixture
def launch(image):
    """launch(name, release): a pod of it; `more` Secrets than the usual ones."""
    running = []

    def get(name: str, release, more: dict | None = None) -> pods.Pod:
        running.append(pods.Pod(name, release, {**SECRETS, **(more or {})}, image))
        return running[-1]

    yield get
    for one in running:
        one.close()


def url(port: int, user="app", password="first") -> str:
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{schema.DATABASE}"


def logs_in(pod, user: str, password: str) -> bool:
    try:
        with psycopg.connect(url(pod.port["postgresql"], user, password), connect_timeout=5) as client:
            return client.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_it_runs_as_a_restricted_pod_without_a_shell(server, launch, image):
    pod = launch("a", chart.render({}, values(server("pg15"))))
    pod.wait_ready()
    assert pod.events == ["started"]
    status = pod.status()
    assert status["Uid"].split() == ["65532"] * 4 and status["Gid"].split() == ["65532"] * 4
    assert status["NSpid"].split()[-1] == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert "ro" in pod.roots_options().split(",")
    programs = {path.name for path in image.rglob("*") if path.is_file() and path.stat().st_mode & 0o111}
    assert {"sluice"} == {name for name in programs if ".so" not in name}
    assert logs_in(pod, "app", "first") and not logs_in(pod, "app", "second")
    assert pod.delete() < pod.spec["terminationGracePeriodSeconds"]


def test_a_change_of_configmap_and_secret_is_taken_over(server, launch):
    its = server("pg15")
    pod = launch("a", chart.render({}, values(its)))
    pod.wait_ready()
    assert not logs_in(pod, "other", "other")
    with psycopg.connect(url(pod.port["postgresql"]), autocommit=True) as stays:
        stays.execute("SELECT 1")
        users = [{"name": name, "password_file": f"/run/secrets/sluice/users/{name}"} for name in ("app", "other")]
        pod.change_config(chart.render({}, values(its, users=users)))
        wait_until(lambda: logs_in(pod, "other", "other"), 20, "the new user may log in")
        pod.volumes["credentials-users"].write({"app": "second", "other": "other"})
        wait_until(lambda: logs_in(pod, "app", "second"), 20, "the new password is taken")
        assert not logs_in(pod, "app", "first")
        pod.volumes["config"].write({"sluice.yaml": "version: 1\npools: nonsense\n"})
        wait_until(lambda: "sluice_config_last_reload_successful 0" in pod.get("/metrics")[1], 20, "the failure is counted")
        assert logs_in(pod, "other", "other") and pod.ready
        assert stays.execute("SELECT 2").fetchone() == (2,)


def test_its_own_program_tells_of_it_within_the_pod(server, launch):
    pod = launch("a", chart.render({}, values(server("pg15"))))
    pod.wait_ready()
    assert logs_in(pod, "app", "first")
    shown = pod.execute("ctl", "SHOW POOLS")
    assert shown.returncode == 0 and "pets" in shown.stdout, shown.stdout + shown.stderr


def test_the_images_health_check_finds_it_healthy(server, launch):
    """By the command of the Dockerfile; it stays so when the database is gone, which no restart would mend."""
    lines = (tools.ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    program, *words = json.loads(re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", lines, re.M).group(1))
    assert program == "/usr/bin/sluice"
    nowhere = values(server("pg15"))
    nowhere["config"]["pools"]["pets"]["url"] = f"postgresql://{schema.APP}@{LOOPBACK}:1/{schema.DATABASE}"
    for config in (values(server("pg15")), nowhere):
        pod = launch("a", chart.render({}, config))
        wait_until(lambda pod=pod: pod.execute(*words).returncode == 0, 20, "it is healthy")
        assert pod.execute(*words).stdout.split() == ["started", "live"]
        pod.delete()


LOGIN = {"user": "app", "database": schema.DATABASE, "passwordSecret": {"name": "sluice-users", "key": "app"}}


def helm_tests_config(release, pod) -> str:
    """What the pod of `helm test` reads, with the addresses and files of this machine."""
    text = release.one("ConfigMap", "-test")["data"]["sluice.yaml"]
    for protocol, number in (("postgresql", 6432), ("mysql", 6033)):
        text = text.replace(f"gw-sluice-{protocol}:{number}", f"{LOOPBACK}:{pod.port[protocol]}")
        text = text.replace(f"/run/secrets/sluice/{protocol}/", f"{pod.volumes['credentials-users'].folder}/")
    return text


def helm_test(release, text: str, path: pathlib.Path) -> subprocess.CompletedProcess:
    path.write_text(text)
    args = release.one("Pod")["spec"]["containers"][0]["args"][:-1]
    return subprocess.run([binary(), *args, path], capture_output=True, text=True, timeout=30)


def test_helm_test_logs_in_through_both_protocols(server, launch, tmp_path):
    my = server("mariadb")
    both = values(server("pg15"))
    both["mysql"] = {"enabled": True}
    both["config"]["pools"]["pets_my"] = {"url": f"mysql://{schema.APP}@{LOOPBACK}:{my.port}/{schema.DATABASE}",
                                          "password_file": "/run/secrets/sluice/pets/password"}
    both["config"]["routes"].append({"name": "pets-my", "pool": "pets_my"})
    release = chart.render({"test": {"postgresql": LOGIN, "mysql": LOGIN}}, both)
    pod = launch("a", release)
    pod.wait_ready()
    text = helm_tests_config(release, pod)
    done = helm_test(release, text, tmp_path / "sluice.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pool postgresql: logged in" in done.stdout and "pool mysql: logged in" in done.stdout
    assert helm_test(release, text.replace("/app", "/other"), tmp_path / "sluice.yaml").returncode == 1


def test_helm_test_shows_a_certificate_where_clients_must(server, launch, tmp_path):
    made = make_certificates(tmp_path)
    cert, key = client_certificate(made, tmp_path, "app")
    release = chart.render({
        "tls": {"mode": "verify-full", "existingSecret": "gateway-tls", "clientCa": {"existingSecret": "clients"}},
        "test": {"postgresql": {**LOGIN, "certificateSecret": "app-tls"}}}, values(server("pg15")))
    pod = launch("a", release, {"gateway-tls": {"tls.crt": made.cert.read_text(), "tls.key": made.key.read_text()},
                                "clients": {"ca.crt": made.ca.read_text()}})
    pod.wait_ready()
    text = helm_tests_config(release, pod)
    for mounted, here in (("tls.crt", cert), ("tls.key", key)):
        text = text.replace(f"/etc/sluice/certificates/postgresql/{mounted}", str(here))
    done = helm_test(release, text, tmp_path / "sluice.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pool postgresql: logged in" in done.stdout
    without = helm_test(release, re.sub(r"\n +(cert|key)_file: .*", "", text), tmp_path / "sluice.yaml")
    assert without.returncode == 1 and "certificate" in without.stderr, without.stdout + without.stderr


class Writer(threading.Thread):
    """A client that keeps its connection, and takes another one when it is told to go (57P01) or cut off before it began."""

    def __init__(self, port: int, number: int):
        super().__init__()
        self.port, self.number = port, number
        self.done, self.reconnects, self.failed, self.stopping = 0, 0, [], False

    def run(self) -> None:
        while not self.stopping:
            try:
                with psycopg.connect(url(self.port), autocommit=True, connect_timeout=10) as client:
                    while not self.stopping:
                        self._transaction(client)
            except psycopg.OperationalError:
                self.reconnects += 1

    def _transaction(self, client) -> None:
        client.execute("BEGIN")  # what is refused here is repeated on the next connection
        try:
            client.execute("INSERT INTO rollout VALUES (%s)", [self.number])
            client.execute("SELECT count(*) FROM rollout WHERE writer = %s", [self.number])
            client.execute("COMMIT")
            self.done += 1
        except psycopg.Error as error:
            self.failed.append(f"{error.sqlstate}: {error}")
            raise


def pgbench(port: int, seconds: int, script: pathlib.Path) -> subprocess.Popen:
    """A new connection for each transaction, four at a time."""
    return subprocess.Popen(
        [tools.pg_client("pgbench"), "-n", "-C", "-c", "4", "-T", str(seconds), "-f", script, url(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_rollout_under_load_fails_no_transaction(server, launch, tmp_path):
    its = server("pg15")
    its.admin("CREATE TABLE rollout (writer int); GRANT ALL ON rollout TO PUBLIC")
    release = chart.render({}, values(its))
    service = Service("postgresql")
    script = tmp_path / "script.sql"
    script.write_text("BEGIN;\nINSERT INTO rollout VALUES (-1);\nSELECT 1;\nCOMMIT;\n")
    old = launch("old", release)
    old.wait_ready()
    service.pods.append(old)
    writers = [Writer(service.port, number) for number in range(4)]
    bench = pgbench(service.port, 9, script)
    for one in writers:
        one.start()
    wait_until(lambda: all(one.done > 5 for one in writers), 20, "the writers write")

    fresh = launch("new", release)
    fresh.wait_ready()
    service.pods.append(fresh)
    service.deleting(old)
    took = old.delete()
    at_the_end = [one.done for one in writers]
    output, _ = bench.communicate(timeout=60)
    wait_until(lambda: all(one.done > before for one, before in zip(writers, at_the_end, strict=True)), 20,
               "the writers go on with the new pod")
    for one in writers:
        one.stopping = True
    for one in writers:
        one.join(20)
    service.close()

    assert took < old.spec["terminationGracePeriodSeconds"] == 22
    assert took > 1.5, "it accepts for drain.delay"
    assert [one.failed for one in writers] == [[]] * 4
    assert all(one.reconnects >= 1 for one in writers)
    assert bench.returncode == 0, output
    assert "number of failed transactions: 0 " in output, output
    written = its.admin("SELECT writer, count(*) FROM rollout WHERE writer >= 0 GROUP BY writer ORDER BY writer")
    assert written.splitlines() == [f"{one.number}|{one.done}" for one in writers]
    its.admin("DROP TABLE rollout")
    fresh.delete()
