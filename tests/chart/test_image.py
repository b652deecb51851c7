"""The Dockerfile's builder has what the compile needs: packages, and every file that CMake reads. Nothing is built here."""

import re
import subprocess

from chart import ROOT

CMAKE = (ROOT / "CMakeLists.txt").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def ignored(path: str) -> bool:
    """By .dockerignore: the last line that fits decides, and a folder's line fits what is in it."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.match(rf"{pattern}(/|$)", path):
            out = not line.startswith("!")
    return out


def files_of_cmake() -> set[str]:
    sources = set(re.findall(r"^  ([\w./]+\.(?:cpp|hpp))$", CMAKE, re.M))
    embedded = set(re.findall(r"embed_file\(\w+ \w+ ([\w./]+)\)", CMAKE))
    scripts = set(re.findall(r"\.ci/\w+\.cmake", CMAKE))
    for folder, names in re.findall(r"embed_files\(\w+ \w+ ([\w./]+)\n(.*?)\)", CMAKE, re.S):
        embedded |= {f"{folder}/{name}" for name in names.split()}
    assert len(sources) > 100 and "docs/openapi.json" in embedded and len(scripts) == 2
    return sources | embedded | scripts | {"CMakeLists.txt", "CMakePresets.json"}


def test_every_file_that_cmake_reads_is_sent_to_the_builder():
    files = files_of_cmake()
    assert [path for path in sorted(files) if not (ROOT / path).exists()] == []
    assert [path for path in sorted(files) if ignored(path)] == []
    for path in ("docs/cli.md", "build/dev/sluice", ".git/HEAD", "tests/chart/__pycache__/x.pyc"):
        assert ignored(path), path
    for path in ("build/image/sluice", "deploy/image/collect.sh", "docs/openapi.json"):
        assert not ignored(path), path


def test_the_builder_installs_the_libraries_that_setup_does():
    builder = re.search(r"AS builder\n(.*?)\nWORKDIR", DOCKERFILE, re.S).group(1)
    installed = set(re.search(r"--no-install-recommends(.*)", builder, re.S).group(1).replace("\\", " ").split())
    listed = (ROOT / ".ci/packages.txt").read_text()
    libraries = re.search(r"# libraries\n(.*?)\n\n", listed, re.S).group(1)
    wanted = {line.split()[0] for line in libraries.splitlines()} | {"g++", "cmake", "ninja-build", "ccache", "pkg-config"}
    assert installed == wanted


def test_a_program_whose_libraries_are_missing_makes_no_image(tmp_path):
    """`ldd` ends with 0 all the same."""
    ldd = tmp_path / "ldd"
    ldd.write_text("#!/bin/sh\necho '\tlibfmt.so.9 => not found'\n")
    strip = tmp_path / "strip"
    strip.write_text('#!/bin/sh\ncp "$3" "$2"\n')
    for script in (ldd, strip):
        script.chmod(0o755)
    done = subprocess.run([ROOT / "deploy/image/collect.sh", "/bin/true", tmp_path / "root"], capture_output=True, text=True,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode == 1 and "libfmt.so.9" in done.stderr
