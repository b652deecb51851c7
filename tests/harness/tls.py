"""A throw-away certificate authority, a server certificate for 127.0.0.1 and localhost, and certificates of clients."""

import os
import pathlib
import subprocess
from dataclasses import dataclass

from harness.process import unprivileged


@dataclass(frozen=True)
class Certificates:
    ca: pathlib.Path
    cert: pathlib.Path
    key: pathlib.Path


def make_certificates(folder: pathlib.Path) -> Certificates:
    made = Certificates(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    ca_key, request = folder / "ca.key", folder / "server.csr"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *new_key, "-days", "3", "-subj", "/CN=throw-away CA",
             "-keyout", ca_key, "-out", made.ca)
    _openssl("req", *new_key, "-subj", "/CN=localhost", "-keyout", made.key, "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "3", "-extfile", extensions, "-out", made.cert)
    user = unprivileged()
    if user:
        os.chown(made.key, user["user"], user["group"])
    made.key.chmod(0o600)
    return made


def client_certificate(authority: Certificates, folder: pathlib.Path, name: str,
                       subject: str | None = None) -> tuple[pathlib.Path, pathlib.Path]:
    """Certificate and key, signed by the throw-away authority; its subject is /CN=name unless told."""
    cert, key, request = folder / f"{name}.crt", folder / f"{name}.key", folder / f"{name}.csr"
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             subject or f"/CN={name}", "-keyout", key, "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", authority.ca, "-CAkey", authority.ca.with_suffix(".key"),
             "-CAcreateserial", "-days", "3", "-out", cert)
    key.chmod(0o600)
    return cert, key


def _openssl(*arguments) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
