"""A pod as kubelet and a container runtime would start it, by the objects that the chart renders: volumes with kubelet's
`..data` links, a read-only root that holds the image's files alone, user 65532 without capabilities, process 1 of its own.
Its network is this machine's: the ports of its configuration are replaced by free ones of the loopback address."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from harness import tools
from harness.process import LOOPBACK, die_with_parent, free_port, remove, scratch, wait_until

USER = 65532
PORTS = ("postgresql", "mysql", "admin")


def possible() -> str:
    """Why a pod cannot be played here; "" when it can."""
    if os.geteuid() != 0:
        return "needs root, to become user 65532"
    missing = [name for name in ("bwrap", "setpriv") if not shutil.which(name)]
    return f"needs {', '.join(missing)}" if missing else ""


def image_files(program: pathlib.Path, folder: pathlib.Path) -> None:
    """What deploy/image/collect.sh puts into the image, in the same way as its last stage but one."""
    subprocess.run([tools.ROOT / "deploy/image/collect.sh", program, folder], check=True, capture_output=True, text=True)


class Volume:
    """A ConfigMap or Secret as kubelet writes it: files are links into `..data`, which is swapped for a new folder at once."""

    def __init__(self, folder: pathlib.Path, files: dict[str, str], mode: int):
        self.folder, self.mode, self.turn = folder, mode, 0
        folder.mkdir(parents=True)
        self._own(folder, 0o755)
        self.write(files)

    def write(self, files: dict[str, str]) -> None:
        self.turn += 1
        fresh = self.folder / f"..2026_01_01_00_00_{self.turn:02}.{self.turn}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
            self._own(fresh / name, self.mode)
        self._own(fresh, 0o755)
        before = (self.folder / "..data").resolve() if self.turn > 1 else None
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        if before:
            shutil.rmtree(before)

    def _own(self, path: pathlib.Path, mode: int) -> None:
        os.chown(path, 0, USER)  # fsGroup
        path.chmod(mode)


class Pod:
    """One pod of the release; `secrets` are the Secrets that it mounts, name to {key: value}."""

    def __init__(self, name: str, release, secrets: dict[str, dict[str, str]], root: pathlib.Path):
        self.name, self.root = name, root
        self.spec, self.container = release.pod, release.container
        self.folder = scratch(f"pod-{name}")
        self.folder.chmod(0o711)
        self.port = {port: free_port() for port in PORTS}
        self.numbers = {one["name"]: one["containerPort"] for one in self.container["ports"]}
        self.secrets = secrets
        self.configs = {one["metadata"]["name"]: one["data"] for one in release.all("ConfigMap")}
        self.volumes = {one["name"]: self._volume(one) for one in self.spec["volumes"]}
        self.ready, self.events = False, []
        self._start()
        self._prober = threading.Thread(target=self._probe, daemon=True)
        self._prober.start()

    # ---- its files

    def _here(self, text: str) -> str:
        for port, number in self.numbers.items():
            text = re.sub(rf"(bind|http): :{number}$", rf"\1: {LOOPBACK}:{self.port[port]}", text, flags=re.M)
        return text

    def _volume(self, volume: dict):
        folder = self.folder / volume["name"]
        if "emptyDir" in volume:
            folder.mkdir()
            os.chown(folder, 0, USER)
            folder.chmod(0o2777)
            return folder
        if "configMap" in volume:
            files = {key: self._here(text) for key, text in self.configs[volume["configMap"]["name"]].items()}
            return Volume(folder, files, volume["configMap"].get("defaultMode", 0o644))
        return Volume(folder, self.secrets[volume["secret"]["secretName"]], volume["secret"]["defaultMode"])

    def change_config(self, release) -> None:
        """What kubelet does some time after the ConfigMap has changed."""
        self.volumes["config"].write({key: self._here(text) for key, text in release.one("ConfigMap")["data"].items()})

    # ---- its process

    def _start(self) -> None:
        binds = []
        for mount in self.container["volumeMounts"]:
            volume = self.volumes[mount["name"]]
            (self.root / mount["mountPath"].lstrip("/")).mkdir(parents=True, exist_ok=True)
            source = volume.folder if isinstance(volume, Volume) else volume
            binds += ["--ro-bind" if mount.get("readOnly") else "--bind", source, mount["mountPath"]]
        for place in ("proc", "dev"):
            (self.root / place).mkdir(exist_ok=True)
        context = {**self.spec["securityContext"], **self.container["securityContext"]}
        assert context["readOnlyRootFilesystem"] and context["capabilities"] == {"drop": ["ALL"]}
        environment = [word for one in self.container["env"] for word in ("--setenv", one["name"], one["value"])]
        told, tell = os.pipe()
        argv = ["setpriv", "--reuid", context["runAsUser"], "--regid", context["runAsGroup"], "--clear-groups",
                "bwrap", "--ro-bind", self.root, "/", "--proc", "/proc", "--dev", "/dev", *binds,
                "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--cap-drop", "ALL",
                "--clearenv", *environment, "--chdir", "/", "--info-fd", tell, "/usr/bin/sluice", *self.container["args"]]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(one) for one in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            pass_fds=[tell], preexec_fn=die_with_parent)
        os.close(tell)
        with os.fdopen(told) as information:
            text = information.read()
        assert text, f"no process: {self.log_text()}"
        self.pid = json.loads(text)["child-pid"]

    def log_text(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def running(self) -> bool:
        return self.process.poll() is None

    def status(self) -> dict[str, str]:
        """Of the process, as /proc has it."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}

    def roots_options(self) -> str:
        """How the root is mounted for the process."""
        for line in pathlib.Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines():
            fields = line.split()
            if fields[4] == "/":
                return fields[5]
        return ""

    def execute(self, *arguments) -> subprocess.CompletedProcess:
        """`kubectl exec POD -- sluice ...`: in the pod's files, as its user, with its environment."""
        context = self.spec["securityContext"]
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-S", str(context["runAsUser"]), "-G", str(context["runAsGroup"]), "--",
             "/usr/bin/sluice", *arguments], env={one["name"]: one["value"] for one in self.container["env"]},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)

    # ---- its probes, as kubelet asks them

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port['admin']}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def asked(self, probe: str) -> bool:
        return 200 <= self.get(self.container[f"{probe}Probe"]["httpGet"]["path"])[0] < 400

    def _probe(self) -> None:
        """Startup first, then readiness and liveness; ten times as fast as the chart says, to save the test's time."""
        failures = {"readiness": 0, "liveness": 0}
        while self.running() and not self.asked("startup"):
            time.sleep(self.container["startupProbe"]["periodSeconds"] / 10)
        self.events.append("started")
        while self.running():
            for probe in failures:
                failures[probe] = 0 if self.asked(probe) else failures[probe] + 1
            if failures["readiness"] == 0:
                self.ready = True
            elif failures["readiness"] >= self.container["readinessProbe"]["failureThreshold"]:
                self.ready = False
            if self.running() and failures["liveness"] >= self.container["livenessProbe"]["failureThreshold"]:
                self.events.append("liveness failed")
            time.sleep(self.container["readinessProbe"]["periodSeconds"] / 10)
        self.ready = False

    def wait_ready(self) -> None:
        def ready():
            assert self.running(), f"the pod ended:\n{self.log_text()[-4000:]}"
            return self.ready
        wait_until(ready, 30, f"pod {self.name} is ready")

    # ---- its end

    def delete(self) -> float:
        """SIGTERM, then SIGKILL after the grace period, as kubelet does; the seconds that it took. A pod that had to be
        killed is an AssertionError."""
        began = time.monotonic()
        grace = self.spec["terminationGracePeriodSeconds"]
        os.kill(self.pid, signal.SIGTERM)
        try:
            code = self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"not gone within the grace period of {grace} s:\n{self.log_text()[-4000:]}") from None
        assert code == 0, f"ended with {code}:\n{self.log_text()[-4000:]}"
        return time.monotonic() - began

    def close(self) -> None:
        if self.running():
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()
        self._prober.join(10)
        remove(self.folder)
