"""./dev bench counts: what a transaction costs, counted and not timed, so that noise does not matter.

System calls: strace -c on the proxy during pgbench runs of N and of 2N transactions; the difference
is the cost of N, without logins. Instructions: callgrind's Ir, user space alone, in the same way;
valgrind runs one thread at a time and slowly, so that this is the cost when little is batched.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import tools  # noqa: E402
from harness.process import remove, scratch, wait_until  # noqa: E402

from bench import host, targets  # noqa: E402
from bench.loads.rig import Rig, pg_environment, pg_to, run, say, sysbench  # noqa: E402

CLIENTS = 16
PG_MODES = ("simple", "extended", "prepared")
MY_MODES = {"text": "disable", "prepared": "auto"}


def load(family: str, mode: str, port: int, transactions: int, clients: int = CLIENTS) -> None:
    """So many transactions, divided among the clients."""
    if family == "postgresql":
        run([tools.pg_client("pgbench"), "-n", "-S", "-M", mode, "-c", clients, "-j", min(2, clients), "-t",
             transactions // clients, *pg_to(port)], **pg_environment())
    else:
        run([*sysbench(port), f"--threads={clients}", "--time=0", f"--events={transactions}",
             f"--db-ps-mode={MY_MODES[mode]}", "run"])


def straced(target, work) -> dict[str, int]:
    """Calls by name of all threads of the target while `work` runs."""
    folder = scratch("strace")
    out = folder / "counts"
    tracer = subprocess.Popen(["strace", "-c", "-f", "-U", "name,calls", "-o", str(out), "-p",
                               str(target.daemon.pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        status = pathlib.Path(f"/proc/{target.daemon.pid}/status")
        wait_until(lambda: not re.search(r"TracerPid:\s+0\n", status.read_text()), 20, "strace is attached")
        time.sleep(0.5)  # its threads too
        work()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    lines = out.read_text().splitlines()
    remove(folder)
    found = {}
    for line in lines:
        if match := re.fullmatch(r"\s*(\w+)\s+(\d+)\s*", line):
            found[match[1]] = int(match[2])
    found.pop("total", None)
    return found


def syscalls(rig: Rig, family: str, mode: str, transactions: int) -> list[list[str]]:
    rows = []
    for target in rig.targets(family):
        if not target.daemon:
            continue
        load(family, mode, target.port, transactions // 4)  # connections and statements are there now
        once, twice = (straced(target, lambda n=n: load(family, mode, target.port, n))
                       for n in (transactions, 2 * transactions))
        each = {name: (calls - once.get(name, 0)) / transactions for name, calls in twice.items()}
        top = sorted(each.items(), key=lambda one: -one[1])[:5]
        rows.append([family, mode, target.name, f"{sum(each.values()):.2f}",
                     ", ".join(f"{name} {count:.2f}" for name, count in top if count >= 0.005)])
        say("  " + "  ".join(rows[-1]))
    return rows


def _instructions(rig: Rig, family: str, io: str, mode: str, transactions: int) -> float:
    """Ir of a transaction: one sluice serves N and then 2N of them, each counted by itself."""
    folder = scratch("callgrind")
    prefix = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "-q")
    base = rig.setup(family)
    target = targets.sluice(targets.Setup(base.server, base.verifier, prefix=prefix), io)
    try:
        load(family, mode, target.port, transactions // 2, clients=4)
        run(["callgrind_control", "-z", target.daemon.pid])
        totals = []
        for part in (1, 2):
            load(family, mode, target.port, part * transactions, clients=4)
            run(["callgrind_control", "-d", target.daemon.pid])
            text = wait_until(lambda: _dumped(folder / f"out.{part}"), 30, "callgrind has written")
            totals.append(sum(int(one) for one in re.findall(r"^totals: (\d+)", text, re.M)))
    finally:
        target.close()
        remove(folder)
    return (totals[1] - totals[0]) / transactions


def _dumped(path: pathlib.Path) -> str:
    """The text of a dump that is complete, else nothing."""
    text = path.read_text() if path.exists() else ""
    return text if "\ntotals: " in text else ""


def instructions(rig: Rig, family: str, mode: str, transactions: int) -> list[list[str]]:
    rows = []
    for io in targets.sluice_io(rig.setup(family))[0]:
        each = _instructions(rig, family, io, mode, transactions)
        rows.append([family, mode, f"sluice {io}", f"{each:.0f}"])
        say("  " + "  ".join(rows[-1]))
    return rows


def show(title: str, headings: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    print(f"\n{title}")
    for row in [headings, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench counts")
    parser.add_argument("--families", default="postgresql,mysql")
    parser.add_argument("--transactions", type=int, default=8000, help="N; the other run has 2N")
    parser.add_argument("--without", choices=["strace", "callgrind"], action="append", default=[])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("SLUICE_BINARY", str(tools.ROOT / "build/release/sluice"))
    host.raise_limits()
    rig, calls, costs = Rig(quick=True), [], []
    try:
        for family in options.families.split(","):
            for mode in PG_MODES if family == "postgresql" else MY_MODES:
                if "strace" not in options.without:
                    calls += syscalls(rig, family, mode, options.transactions)
                if "callgrind" not in options.without:
                    costs += instructions(rig, family, mode, options.transactions // 4)
        print("\n".join([*rig.versions(), *targets.versions(), *rig.notes]))
        if calls:
            show(f"system calls per transaction, {CLIENTS} clients (strace slows the proxy, which makes "
                 "batches larger than they are without it)",
                 ["family", "mode", "target", "calls", "most of them"], calls)
        if costs:
            show("user-space instructions per transaction (callgrind, 4 clients)",
                 ["family", "mode", "target", "instructions"], costs)
    finally:
        rig.close()


if __name__ == "__main__":
    main()
