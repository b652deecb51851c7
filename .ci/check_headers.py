#!/usr/bin/env python3
"""Every header compiles alone. One that passed is compiled again only when it has changed, or a header
of the project that it includes: what the compiler read of the project is kept, with its hash, in the
folder that is given as the only argument."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

COMPILE = ["g++", "-std=c++20", "-fcoroutines", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
           "-Wno-missing-field-initializers", "-Werror", "-I.", "-fsyntax-only", "-x", "c++"]


def hash_of(files) -> str:
    whole = hashlib.sha256(" ".join(COMPILE).encode())
    for file in sorted(files):
        path = pathlib.Path(file)
        whole.update(file.encode() + (path.read_bytes() if path.exists() else b"gone"))
    return whole.hexdigest()


def read_by_compiler(rule: str) -> list[str]:
    """The files of the project in a rule of make: those with a relative path."""
    words = rule.partition(":")[2].replace("\\\n", " ").split()
    return [word for word in words if not word.startswith("/")]


def compiles(header: str, kept: pathlib.Path) -> bool:
    stamp = kept / (header.replace("/", "-") + ".json")
    try:
        known = json.loads(stamp.read_text())
        if hash_of(known["files"]) == known["hash"]:
            return True
    except (OSError, ValueError, KeyError):
        pass  # never looked at, or cut short
    with tempfile.TemporaryDirectory() as folder:
        source, rule = pathlib.Path(folder, "alone.cpp"), pathlib.Path(folder, "alone.d")
        source.write_text(f'#include "{header}"\n')
        done = subprocess.run([*COMPILE, "-MD", "-MF", rule, source], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{header} does not compile alone\n{done.stderr}", file=sys.stderr, flush=True)
            return False
        files = read_by_compiler(rule.read_text())
    stamp.write_text(json.dumps({"hash": hash_of(files), "files": files}))
    return True


def main() -> int:
    kept = pathlib.Path(sys.argv[1])
    kept.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "*.hpp"],
                            capture_output=True, text=True, check=True).stdout.split()
    headers = [header for header in listed if os.path.exists(header)]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        good = list(pool.map(lambda header: compiles(header, kept), headers))
    print(f"{good.count(True)} of {len(headers)} headers compile alone")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
