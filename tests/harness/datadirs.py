"""Data of new servers, made once and copied: to make one costs seconds of two cores, to copy it little.

Kept in $SLUICE_CACHE_DIR/servers by a hash of the programs and of this folder's sources; without that
variable each server makes its own.
"""

import fcntl
import hashlib
import os
import pathlib
import subprocess

from harness.process import remove

_KEPT = 3  # of one name: branches may differ in the schema


def _key(program: pathlib.Path) -> str:
    known = program.stat()
    hashed = hashlib.sha256(f"{program} {known.st_size} {known.st_mtime_ns} {os.geteuid()}".encode())
    for source in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:12]


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True)


def provide(name: str, program: pathlib.Path, data: pathlib.Path, make) -> None:
    """`data` is there afterwards, of a stopped server. make() makes it from nothing."""
    cache = os.environ.get("SLUICE_CACHE_DIR")
    if not cache:
        return make()
    place = pathlib.Path(cache) / "servers" / f"{name}-{_key(program)}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            return _copy(place, data)
        make()
        unfinished = place.with_suffix(".new")
        remove(unfinished)
        _copy(data, unfinished)
        unfinished.rename(place)
        kept = sorted(place.parent.glob(f"{name}-*"), key=lambda one: one.stat().st_ctime)
        for old in kept[:-_KEPT]:
            remove(old)
