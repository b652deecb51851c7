#!/usr/bin/env python3
"""Checks who includes whom, and that sockets, TLS and clocks stay in proxy/."""

import pathlib
import re
import subprocess
import sys

# What a folder may include of the project; the table of docs/architecture.md.
ALLOWED = {
    "protocol": {"protocol"},
    "config": {"config", "protocol"},
    "metrics": {"metrics", "protocol"},  # labels are the enums of protocol/
    "pool": {"pool", "metrics", "config"},
    "proxy": {"proxy", "pool", "protocol", "metrics", "config"},
    "cli": {"cli", "proxy", "protocol", "metrics", "config"},
}

# Outside headers that a folder may not see.
FORBIDDEN = [
    ({"protocol", "pool", "config", "metrics"},
     re.compile(r"boost/(asio|beast)|sys/(socket|epoll|un)\.h|netinet/|arpa/inet|openssl/ssl\.h|liburing"),
     "sockets and TLS live in proxy/"),
    ({"protocol", "pool", "config"}, re.compile(r"spdlog/"), "only metrics/ and proxy/ log"),
    ({"protocol", "pool", "metrics", "proxy"}, re.compile(r"yaml-cpp/"), "only config/ reads YAML"),
    ({"protocol", "config"}, re.compile(r"prometheus/"), "only metrics/ and proxy/ know Prometheus"),
    ({"protocol", "pool"}, re.compile(r"^boost/"), "protocol/ and pool/ are plain C++"),
]

# Clocks are read in proxy/ (and by the logger); elsewhere `now` is an argument.
CLOCK = re.compile(r"_clock::now\(|Clock::now\(|\bstd::time\(|\bgettimeofday\(|\bclock_gettime\(")
CLOCKLESS = {"protocol", "pool", "config"}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def check(path: pathlib.PurePosixPath, text: str) -> list[str]:
    folder = path.parts[0]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        def report(why: str) -> None:
            found.append(f"{path}:{number}: {why}: {line.strip()}")

        if folder in CLOCKLESS and CLOCK.search(line):
            report("clocks are read in proxy/ alone")
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        if quote == '"':
            check_own(path, target, report)
        for folders, pattern, why in FORBIDDEN:
            if folder in folders and pattern.search(target):
                report(why)
    return found


def check_own(path: pathlib.PurePosixPath, target: str, report) -> None:
    folder = path.parts[0]
    parts = target.split("/")
    if len(parts) < 2 or parts[0] not in ALLOWED:
        report("includes are written from the root")
        return
    if parts[0] not in ALLOWED[folder]:
        report(f"{folder}/ may not include {parts[0]}/")
    if folder != "protocol" or str(path) == "protocol/dialect.cpp":
        return
    dialect = parts[1] if parts[1] in ("postgresql", "mysql") else None
    if dialect and path.parts[1] != dialect:
        report("only dialect.cpp knows both dialects" if path.parts[1] in ("postgresql", "mysql")
               else "protocol/ may not include a dialect")


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", "*.cpp", "*.hpp"],
        check=True, capture_output=True, text=True).stdout.split()
    paths = [pathlib.PurePosixPath(p) for p in listed if p.split("/")[0] in ALLOWED]
    found = [line for p in paths if pathlib.Path(p).exists()
             for line in check(p, pathlib.Path(p).read_text(encoding="utf-8"))]
    print("\n".join(found) if found else f"{len(paths)} files keep to the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
