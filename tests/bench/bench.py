"""./dev bench: the same loads on the servers themselves, through other proxies and through sluice.

Within each round every load is measured for each target in turn, so that what else the machine does
hits all alike; tables give the medians of the rounds. See docs/development.md.
"""

import argparse
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import tools  # noqa: E402

from bench import chart, goals, host, loads, targets  # noqa: E402
from bench.loads.rig import Load, Rig, say  # noqa: E402
from bench.results import Results, table  # noqa: E402


def arguments() -> argparse.Namespace:
    names = [*loads.ALL, *loads.GROUPS]
    parser = argparse.ArgumentParser(prog="./dev bench", description="loads: " + ", ".join(names))
    parser.add_argument("only", nargs="*", metavar="LOAD", help="default: all")
    parser.add_argument("--loads", default="", help="the same, separated by commas")
    parser.add_argument("--rounds", type=int, help="default: 5")
    parser.add_argument("--seconds", type=int, help="of each measurement; default: 4")
    parser.add_argument("--clients", type=lambda text: [int(n) for n in text.split(",")],
                        help="in place of each load's own numbers of clients")
    parser.add_argument("--quick", action="store_true", help="one round of a second: does it work")
    parser.add_argument("--csv", type=pathlib.Path, default=tools.ROOT / "build/bench.csv")
    parser.add_argument("--svg", type=pathlib.Path, default=tools.ROOT / "build/bench.svg")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 4)
    chosen = [*options.only, *filter(None, options.loads.split(","))] or list(loads.ALL)
    chosen = [name for one in chosen for name in loads.GROUPS.get(one, [one])]
    unknown = [name for name in chosen if name not in loads.ALL]
    if unknown:
        parser.error(f"there is no load {unknown[0]}; there are: {', '.join(names)}")
    options.chosen = [name for name in loads.ALL if name in chosen]
    return options


class Run:
    def __init__(self, options):
        self.options = options
        self.results = Results()
        self.failures: dict[tuple, str] = {}
        self.noise = host.Noise()
        self.started = time.monotonic()

    def rounds(self, chosen: list[Load]) -> None:
        for turn in range(self.options.rounds):
            for load in chosen:
                for mode, clients in load.cases():
                    for target in load.targets(mode, clients):
                        self._measure(load, target, mode, clients, turn)

    def _measure(self, load: Load, target, mode: str, clients: int, turn: int) -> None:
        key = (load.name, mode, clients, target.name)
        try:
            found = load.measure(target, mode, clients)
        except Exception as why:  # a run of hours is worth more than one figure of it
            self.failures[key] = f"{type(why).__name__}: {str(why).strip()[:600]}"
            say(f"  round {turn + 1} {' '.join(map(str, key))}: FAILED: {self.failures[key]}")
            return
        if target.name == "direct":
            found = {metric: value for metric, value in found.items() if not metric.startswith("cpu_")}
        self.results.add(key, turn, found)
        first = next(iter(load.columns))
        say(f"  round {turn + 1} {' '.join(map(str, key))}: {found.get(first, 0):.6g} {load.columns[first]}")

    def report(self, chosen: list[Load], rig: Rig) -> None:
        options = self.options
        print("\n".join([*rig.versions(), *targets.versions()]))
        print(f"{options.rounds} rounds of {options.seconds} s each, interleaved; medians; pools of "
              f"{targets.POOL_SIZE}, one thread per proxy; {os.cpu_count()} cores shared by server, proxy and load")
        for load in chosen:
            if self.results.keys(load.name):
                print("\n" + "\n".join([load.title, *table(load, self.results), *load.notes()]))
        print("\nnoise")
        print("\n".join(self._noise()))
        print("\ntargets")
        print("\n".join(goals.lines(self.results, set(options.chosen))))
        for key, why in self.failures.items():
            print(f"FAILED {' '.join(map(str, key))}: {why}")
        for note in rig.notes:
            print(note)
        self.results.write(options.csv)
        chart.write(self.results, self._caption(), options.svg)
        print(f"\n{options.csv}\n{options.svg}")

    def _noise(self) -> list[str]:
        spreads = sorted(self.results.spreads("tps", "direct"))
        said = (f"spread of direct, (most - least) / median of its tps: typically "
                f"{100 * spreads[len(spreads) // 2]:.0f} %, at worst {100 * spreads[-1]:.0f} %"
                if spreads else "the spread of direct needs at least two rounds")
        minutes = (time.monotonic() - self.started) / 60
        return [said, *self.noise.lines(), f"the run took {minutes:.0f} minutes"]

    def _caption(self) -> str:
        return (f"medians of {self.options.rounds} interleaved rounds of {self.options.seconds} s, "
                f"{os.cpu_count()} cores shared by server, proxy and load; less is better, except tps")


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("SLUICE_BINARY", str(tools.ROOT / "build/release/sluice"))
    host.raise_limits()
    run, rig, chosen = Run(options), Rig(options.quick), []
    try:
        chosen = [loads.ALL[name](rig, options) for name in options.chosen]
        run.rounds(chosen)
    except KeyboardInterrupt:
        say("interrupted: this is what was measured until now")
    finally:
        try:
            if any(run.results.keys(load.name) for load in chosen):
                run.report(chosen, rig)
        finally:
            for one in [*chosen, rig]:
                one.close()
    if any(key[3].startswith("sluice") for key in run.failures):
        sys.exit(1)


if __name__ == "__main__":
    main()
