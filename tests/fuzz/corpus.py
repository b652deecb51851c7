#!/usr/bin/env python3
"""Seeds and regressions of the fuzzers, one readable row each: fuzzer,name,hex.

corpus.py unpack FUZZER FOLDER       the rows of one fuzzer as the files that libFuzzer wants
corpus.py add FUZZER NAME FILE       a crash as a row of regressions.csv, which ctest replays
"""

import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
SEEDS = HERE / "seeds.csv"
REGRESSIONS = HERE / "regressions.csv"


def rows(path: pathlib.Path):
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield row["fuzzer"], row["name"], bytes.fromhex(row["hex"])


def unpack(fuzzer: str, folder: str) -> None:
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for path in (SEEDS, REGRESSIONS):
        for number, (owner, _, data) in enumerate(rows(path)):
            if owner == fuzzer:
                (target / f"{path.stem}-{number}").write_bytes(data)


def add(fuzzer: str, name: str, file: str) -> None:
    with REGRESSIONS.open("a", newline="") as out:
        csv.writer(out, lineterminator="\n").writerow([fuzzer, name, pathlib.Path(file).read_bytes().hex()])


if __name__ == "__main__":
    actions = {"unpack": unpack, "add": add}
    if len(sys.argv) < 4 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    actions[sys.argv[1]](*sys.argv[2:])
