"""What was measured: one dict of metrics per load, mode, number of clients, target and round."""

import csv
import pathlib
import statistics

FIELDS = ("load", "mode", "clients", "target", "metric", "median", "least", "most", "rounds")


class Results:
    def __init__(self):
        self._seen: dict[tuple, dict[int, dict[str, float]]] = {}

    def add(self, key: tuple, turn: int, found: dict[str, float]) -> None:
        """`key`: (load, mode, clients, target)."""
        self._seen.setdefault(key, {})[turn] = found

    def keys(self, load: str) -> list[tuple]:
        """By mode and clients, in the order in which they were first measured."""
        return [key for key in self._seen if key[0] == load]

    def values(self, key: tuple, metric: str) -> dict[int, float]:
        """Round -> value."""
        return {turn: found[metric] for turn, found in self._seen.get(key, {}).items() if metric in found}

    def median(self, key: tuple, metric: str) -> float | None:
        values = self.values(key, metric)
        return statistics.median(values.values()) if values else None

    def ratio(self, ours: tuple, peer: tuple, metric: str) -> float | None:
        """The median of the rounds' ratios: both of a round were measured close to each other."""
        mine, other = self.values(ours, metric), self.values(peer, metric)
        ratios = [mine[turn] / other[turn] for turn in mine if other.get(turn)]
        return statistics.median(ratios) if ratios else None

    def spreads(self, metric: str, target: str) -> list[float]:
        """(most - least) / median of each case of a target."""
        found = []
        for key in self._seen:
            values = list(self.values(key, metric).values())
            if key[3] == target and len(values) > 1 and (middle := statistics.median(values)):
                found.append((max(values) - min(values)) / middle)
        return found

    def rows(self) -> list[dict]:
        found = []
        for key in self._seen:
            for metric in next(iter(self._seen[key].values())):
                values = list(self.values(key, metric).values())
                found.append(dict(zip(FIELDS, (*key, metric, *map(_short, (
                    statistics.median(values), min(values), max(values))), len(values)))))
        return found

    def write(self, path: pathlib.Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(self.rows())


def _short(value: float) -> str:
    return f"{value:.6g}"


def shown(value: float | None) -> str:
    """A figure with as many digits as mean something."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(load, results: Results) -> list[str]:
    """The lines of one load's table."""
    first = next(iter(load.columns))
    headings = ["mode", "clients", "target", load.columns[first], "(least - most)",
                *[heading for metric, heading in load.columns.items() if metric != first]]
    cells = []
    for key in sorted(results.keys(load.name), key=_order(results.keys(load.name))):
        values = results.values(key, first).values()
        between = f"({shown(min(values))} - {shown(max(values))})" if values else ""
        cells.append([key[1], str(key[2]), key[3], shown(results.median(key, first)), between,
                      *[shown(results.median(key, metric)) for metric in load.columns if metric != first]])
    widths = [max(len(row[i]) for row in [headings, *cells]) for i in range(len(headings))]

    def line(row: list[str]) -> str:
        return "  ".join(cell.ljust(width) if i in (0, 2) else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(row, widths)))

    return [line(headings), "-" * (sum(widths) + 2 * len(widths) - 2), *map(line, cells)]


def _order(keys: list[tuple]):
    """Cases as they came; a target that failed at first keeps its case together all the same."""
    cases = list(dict.fromkeys(key[1:3] for key in keys))
    return lambda key: cases.index(key[1:3])
