"""sluice itself: starts it with a configuration, reads its metrics, stops it and judges its end."""

import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

from harness import tools
from harness.process import LOOPBACK, Daemon, free_port, remove, scratch, wait_until

_REPORT = re.compile(r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer")


def binary() -> pathlib.Path:
    return pathlib.Path(os.environ.get("SLUICE_BINARY", tools.ROOT / "build/dev/sluice"))


def write_config(folder: pathlib.Path, config: dict) -> pathlib.Path:
    path = folder / "sluice.yaml"
    path.write_text(json.dumps(config, indent=2))  # JSON is YAML
    path.chmod(0o644)
    return path


class Sluice:
    """A running sluice. `config` lacks the admin address; it is added to what `admin` has. `prefix` comes before the
    program, as in valgrind's command line."""

    def __init__(self, config: dict, *, wait=True, prefix=()):
        self.folder = scratch("proxy")
        own_address = config.get("admin", {}).get("http", "")
        self.admin_port = int(own_address.rsplit(":", 1)[1]) if own_address else free_port()
        self.config = {"version": 1, **config}
        self.config["admin"] = {"http": f"{LOOPBACK}:{self.admin_port}", "readiness": {"backends": "none"},
                                **self.config.get("admin", {})}
        self.config.setdefault("log", {"level": "debug", "format": "text"})
        self.config.setdefault("drain", {"delay": "0s", "timeout": "10s"})
        self.config.setdefault("io", os.environ.get("SLUICE_IO", "auto"))
        path = write_config(self.folder, self.config)
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
                       "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                       "TSAN_OPTIONS": "exitcode=66"}
        self.daemon = Daemon([*prefix, binary(), "run", "-c", path], self.folder / "log", env=environment,
                             privileged=True)
        if wait:
            try:
                wait_until(self._ready, 120 if prefix else 30, "sluice is ready")
            except BaseException:
                text = self.log_text()[-4000:]
                self.daemon.stop()
                raise RuntimeError(f"sluice did not become ready:\n{text}") from None

    def _ready(self) -> bool:
        assert self.daemon.running(), f"sluice ended:\n{self.log_text()[-4000:]}"
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> dict[str, float]:
        """Every sample by its whole name, labels included."""
        status, text = self.get("/metrics")
        assert status == 200, status
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in lines}

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that carry these labels; 0 when there is none."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for sample, value in self.metrics().items()
                   if sample.split("{")[0] == name and all(w in sample for w in wanted))

    def log_text(self) -> str:
        return self.daemon.log_text()

    def stop(self, seconds: float = 20) -> None:
        """SIGTERM; it must end by itself, with 0 and without a sanitizer's report."""
        code = self.daemon.stop(seconds=seconds)
        text = self.log_text()
        report = _REPORT.search(text)
        assert not report, f"sanitizer report:\n{text[report.start():][:6000]}"
        assert code == 0, f"sluice ended with {code}:\n{text[-4000:]}"

    def close(self, seconds: float = 20) -> None:
        try:
            self.stop(seconds)
        finally:
            keep = os.environ.get("SLUICE_KEEP_LOGS")
            if keep:
                target = pathlib.Path(keep) / f"{self.folder.name}.log"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self.log_text())
            remove(self.folder)


def check(config: dict | str, *options: str) -> subprocess.CompletedProcess:
    """sluice check over a configuration, given as a dict or as the text of the file."""
    folder = scratch("check")
    try:
        if isinstance(config, dict):
            path = write_config(folder, config)
        else:
            path = folder / "sluice.yaml"
            path.write_text(config)
        return subprocess.run([str(binary()), "check", "-c", str(path), *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    finally:
        remove(folder)
