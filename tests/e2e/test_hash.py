"""`sluice hash`: what it prints admits the password, and bad input is told."""

import subprocess

import pytest
from clients import connection, value
from harness import schema
from harness.sluice import binary

pytestmark = pytest.mark.proxy_only


def run(*arguments, stdin=b""):
    return subprocess.run([binary(), "hash", *arguments], input=stdin, capture_output=True, timeout=30)


def hashed(form: str) -> str:
    done = run(form, stdin=schema.PASSWORD.encode() + b"\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode().strip()


def test_a_client_logs_in_against_the_hash(any_server, start):
    keys = {"postgresql": {"scram_verifier": "--scram"},
            "mysql": {"caching_sha2_hash": "--caching-sha2", "mysql_native_hash": "--mysql-native"}}
    for key, form in keys[any_server.family].items():
        at = start(any_server, users=[{"name": schema.APP, key: hashed(form)}])
        with connection(at) as client:
            assert value(client, "SELECT 1") == 1


@pytest.mark.parametrize("arguments, stdin, status, says", [
    ((), b"x\n", 2, b"form"),
    (("--scram", "--mysql-native"), b"x\n", 2, b"form"),
    (("--scram",), b"", 1, b"standard input"),
    (("--scram",), b"\n", 1, b"standard input"),
    (("--scram",), b"a\0b\n", 1, b"NUL"),
    (("--caching-sha2",), b"a" * 5000, 1, b"4096"),
    (("--scram", "opensesame"), b"x\n", 2, b"standard input"),
])
def test_bad_input(arguments, stdin, status, says):
    done = run(*arguments, stdin=stdin)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert done.stdout == b"" and b"opensesame" not in done.stderr
