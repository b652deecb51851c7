"""Processes, ports and the scratch folder."""

import ctypes
import functools
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

LOOPBACK = "127.0.0.1"
_PORTS = range(10000, 32000, 1000)  # the first port of each block
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@functools.cache
def _own_ports():
    """Ports in turn, out of a block that no other process of the harness has. They are below those that
    the kernel gives to outgoing connections, so none is taken between the choice and its use. The claim
    is a socket's abstract name, which ends with the process."""
    for first in range(_PORTS.start, _PORTS.stop, _PORTS.step):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0sluice-test-ports-{first}")
        except OSError:
            claim.close()
            continue
        return itertools.cycle(range(first, first + _PORTS.step)), claim
    raise RuntimeError("every block of ports is taken: too many test runs at once")


def free_port() -> int:
    ports, _ = _own_ports()
    for _ in range(_PORTS.step):
        port = next(ports)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port of this process is free")


def wait_until(condition, seconds: float, what: str, interval: float = 0.05):
    """The first true value of condition(); an AssertionError that says `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(interval)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def unprivileged() -> dict:
    """Popen's arguments that leave root behind; nothing for those who are not root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def die_with_parent() -> None:
    """In the child: a test run that is killed takes its servers with it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def scratch(name: str) -> pathlib.Path:
    """A new folder that an unprivileged server may write to."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{name}-"))
    own(folder)
    folder.chmod(0o755)
    return folder


def own(path: pathlib.Path) -> None:
    user = unprivileged()
    if user:
        os.chown(path, user["user"], user["group"])


def remove(folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def run_as_server(argv, **kwargs) -> str:
    """Runs a set-up program as the user of the servers; its output, or RuntimeError with it."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **unprivileged(), **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed ({done.returncode}):\n{done.stdout[-4000:]}")
    return done.stdout


class Daemon:
    """A server process that logs into a file."""

    def __init__(self, argv, log: pathlib.Path, *, env=None, privileged=False, cwd="/"):
        self.log = log
        self.argv = [str(a) for a in argv]
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd,
                preexec_fn=die_with_parent, start_new_session=True,
                **({} if privileged else unprivileged()))

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_port(self, port: int, seconds: float = 30) -> None:
        def ready():
            if not self.running():
                raise RuntimeError(f"{self.argv[0]} ended:\n{self.log_text()[-4000:]}")
            return accepts(port)
        wait_until(ready, seconds, f"{self.argv[0]} listens on {port}")

    def stop(self, sig=signal.SIGTERM, seconds: float = 20) -> int:
        """The exit code; a process that does not stop in time is killed and -9 returned."""
        if self.running():
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def cpu_seconds(self) -> float:
        """User and system time of this process and all its threads."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
