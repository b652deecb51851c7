"""curl against the admin port or socket of a sluice."""

import json
import pathlib
import subprocess
from dataclasses import dataclass, field

from harness.process import LOOPBACK

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPENAPI = json.loads((ROOT / "docs/openapi.json").read_text())

# User and password for each right, and what the configuration says of them.
ACT, SEE, NOTHING = "ops:test-only-ops", "viewer:test-only-viewer", "nobody:test-only-nobody"
USERS = [{"name": "ops", "password": "test-only-ops", "admin": True},
         {"name": "viewer", "password": "test-only-viewer", "admin": "read_only"},
         {"name": "nobody", "password": "test-only-nobody"}]


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)  # names in lower case
    body: str = ""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        assert self.status in (200, 202), (self.status, self.body)
        return self.json["data"]

    @property
    def code(self) -> str:
        return f"{self.status} {self.json['error']['code']}"


def curl(target: str, *options, stdin: bytes = b"") -> Answer:
    """One request; status 0 when there was no answer."""
    done = subprocess.run(["curl", "-sS", "-i", "--max-time", "20", *map(str, options), target],
                          input=stdin, capture_output=True, timeout=30)
    text = done.stdout.decode()
    while text.startswith("HTTP/1.1 100"):
        text = text.split("\r\n\r\n", 1)[1]
    if not text.startswith("HTTP/"):
        return Answer(0, body=done.stderr.decode())
    head, _, body = text.partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    return Answer(int(lines[0].split()[1]), headers, body)


class Api:
    """What one user may do on one sluice: get("pools"), post("pause", {"pool": "main"})."""

    def __init__(self, sluice, user: str | None = ACT, *options, scheme="http", host=None):
        self.options = [*(["-u", user] if user else []), *options]
        self.base = f"{scheme}://{host or LOOPBACK}:{sluice.admin_port}"

    def get(self, name: str, *options) -> Answer:
        return curl(f"{self.base}/api/v1/{name}", *self.options, *options)

    def post(self, name: str, body=None, *options) -> Answer:
        sent = [] if body is None else ["-H", "Content-Type: application/json", "--data-binary",
                                        body if isinstance(body, str) else json.dumps(body)]
        return self.raw_post(name, "-H", "X-Sluice-Request: 1", *sent, *options)

    def raw_post(self, name: str, *options) -> Answer:
        return curl(f"{self.base}/api/v1/{name}", "-X", "POST", *self.options, *options)
