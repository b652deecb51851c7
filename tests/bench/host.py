"""What /proc says: CPU seconds and memory of processes, and how quiet the machine is."""

import os
import pathlib
import re
import resource
import threading
import time
from dataclasses import dataclass

_TICK = os.sysconf("SC_CLK_TCK")


def raise_limits() -> None:
    """As many file descriptors as this user may have; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _ticks(stat: pathlib.Path) -> float:
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        children += task.read_text().split()
    return [pid, *(one for child in children for one in _tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process and of its children."""
    return sum(_ticks(pathlib.Path(f"/proc/{one}/stat")) for one in _tree(pid))


def thread_cpu_seconds(pid: int) -> dict[int, float]:
    """Finer than cpu_seconds(): the scheduler's own nanoseconds of each living thread."""
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


@dataclass(frozen=True)
class Memory:
    anonymous: int  # bytes of RSS that belong to no file: heap and stacks
    rss: int
    pss: int


def memory(pid: int) -> Memory:
    total = {"Anonymous": 0, "Rss": 0, "Pss": 0}
    for one in _tree(pid):
        text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
        for key in total:
            total[key] += int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M).group(1)) * 1024
    return Memory(total["Anonymous"], total["Rss"], total["Pss"])


class CpuWatch:
    """Samples the CPU seconds of a target while a load runs, so that the logins before it and
    whatever comes after it can be cut off."""

    INTERVAL = 0.05

    def __init__(self, target):
        self.target = target
        self.samples = []
        self.done = threading.Event()

    def __enter__(self):
        self._sample()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self._sample()

    def _sample(self) -> None:
        self.samples.append((time.monotonic(), self.target.cpu_seconds()))

    def _run(self) -> None:
        while not self.done.wait(self.INTERVAL):
            self._sample()

    def last(self, seconds: float) -> float:
        """CPU seconds of the last so many seconds, interpolated between samples."""
        at = self.samples[-1][0] - seconds
        before = [one for one in self.samples if one[0] <= at] or self.samples[:1]
        after = [one for one in self.samples if one[0] > at] or self.samples[-1:]
        (t0, c0), (t1, c1) = before[-1], after[0]
        start = c0 + (c1 - c0) * min(1.0, max(0.0, (at - t0) / (t1 - t0))) if t1 > t0 else c0
        return self.samples[-1][1] - start


class Noise:
    """What the machine did besides, from begin to end of a run."""

    def __init__(self):
        self.load_before = os.getloadavg()
        self.before = self._cpu()

    @staticmethod
    def _cpu() -> list[int]:
        line = pathlib.Path("/proc/stat").read_text().splitlines()[0]
        return [int(word) for word in line.split()[1:]]

    def lines(self) -> list[str]:
        spent = [after - before for before, after in zip(self.before, self._cpu())]
        steal = 100 * spent[7] / max(1, sum(spent[:8]))
        before, after = (" ".join(f"{one:.2f}" for one in load)
                         for load in (self.load_before, os.getloadavg()))
        return [f"load average before {before}, after {after} (the run itself included); "
                f"{steal:.1f} % of CPU time stolen by the host"]
