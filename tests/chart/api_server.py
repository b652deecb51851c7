"""A Kubernetes API server on this machine, without nodes and controllers: it validates, admits and keeps objects."""

import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import time

from chart import CHART, TOOLS

PROGRAMS = pathlib.Path(os.environ.get("SLUICE_API_SERVER", "/nonexistent"))
NAMESPACE = "databases"
_NOBODY = 65534

# What operators would bring: the names of their kinds. Their fields are held against in test_kubernetes.py.
_OPERATORS = [("monitoring.coreos.com", "v1", "PodMonitor"), ("monitoring.coreos.com", "v1", "ServiceMonitor"),
              ("monitoring.coreos.com", "v1", "PrometheusRule"), ("cert-manager.io", "v1", "Certificate"),
              ("keda.sh", "v1alpha1", "ScaledObject")]


def missing() -> str:
    """Why there is none; "" when it can be started."""
    absent = [name for name in ("kube-apiserver", "etcd") if not (PROGRAMS / name).exists()]
    return f"no {' and '.join(absent)}: ./dev chart --api-server builds them" if absent else ""


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _definition(group: str, version: str, kind: str) -> dict:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                     "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}]}}


class ApiServer:
    """Runs as nobody where this process is root. Its one namespace enforces Pod Security "restricted"."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-api-server-"))
        self.running: list[subprocess.Popen] = []
        try:
            self._start()
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for one in reversed(self.running):
            one.kill()
            one.wait()
        shutil.rmtree(self.folder)

    # ---- its processes

    def _start(self) -> None:
        store, peer, port = _free_ports(3)
        token = secrets.token_hex(16)
        (self.folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
        key = self.folder / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "here", "user": {"token": token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}]}))
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, _NOBODY, _NOBODY)
        at, among = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peer}"
        self._run("etcd", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={at}", f"--advertise-client-urls={at}",
                  f"--listen-peer-urls={among}", f"--initial-advertise-peer-urls={among}", f"--initial-cluster=default={among}",
                  "--unsafe-no-fsync", "--log-level=error")
        self._run("kube-apiserver", f"--etcd-servers={at}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
                  f"--secure-port={port}", f"--cert-dir={self.folder}/certificates", f"--token-auth-file={self.folder}/tokens.csv",
                  "--anonymous-auth=false", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24",
                  "--endpoint-reconciler-type=none", "--service-account-issuer=https://kubernetes.default.svc",
                  f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}")
        self._wait_ready(120)

    def _run(self, program: str, *arguments: str) -> None:
        user = ["--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups"] if os.geteuid() == 0 else []
        with open(self.folder / f"{program}.log", "ab") as log:
            self.running.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *user, PROGRAMS / program, *arguments],
                                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder))

    def _wait_ready(self, seconds: int) -> None:
        until = time.monotonic() + seconds
        while self.kubectl("get", "--raw", "/readyz").returncode != 0:
            if time.monotonic() > until or any(one.poll() is not None for one in self.running):
                logs = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log"))
                raise AssertionError(f"no API server within {seconds} s:\n{logs}")
            time.sleep(0.3)

    def _fill(self) -> None:
        levels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": levels}})
        # What a controller would make.
        self.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}})
        for one in _OPERATORS:
            self.create(_definition(*one))
        done = self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        assert done.returncode == 0, done.stderr

    # ---- its clients

    def _client(self, *words, stdin="") -> subprocess.CompletedProcess:
        environment = {**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig"), "HOME": str(self.folder)}
        return subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True, timeout=120,
                              env=environment)

    def kubectl(self, *words, stdin="") -> subprocess.CompletedProcess:
        return self._client(TOOLS / "kubectl", *words, stdin=stdin)

    def helm(self, command: str, *words, values: dict | None = None) -> str:
        """What it prints; AssertionError when it fails. With values: of the chart."""
        chart = [CHART, "-f", "-"] if values is not None else []
        done = self._client(TOOLS / "helm", command, *words, *chart, "-n", NAMESPACE, stdin=json.dumps(values))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, one: dict) -> None:
        done = self.kubectl("create", "--validate=strict", "-f", "-", stdin=json.dumps(one))
        assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr

    def tried(self, text: str) -> str:
        """What it says against these objects, warnings too, without keeping them; "" when nothing."""
        done = self.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
        return done.stderr if done.returncode != 0 or "Warning" in done.stderr else ""

    def objects(self, *kinds: str) -> list[dict]:
        done = self.kubectl("get", ",".join(kinds), "-n", NAMESPACE, "-l", "app.kubernetes.io/instance=gw", "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["items"]
