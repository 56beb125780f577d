"""gunicorn as it is deployed, on the pair of the test run."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections

from tests.integration.replicas import wait_for
from tests.servers import PASSWORD, free_ports

ROOT = Path(__file__).resolve().parents[3]
Answer = tuple[int, http.client.HTTPMessage, str]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process on the test databases, DEBUG off."""
    urls = {}
    for alias in ("erebus", "agents"):
        place = connections[alias].settings_dict
        urls[f"{alias.upper()}_DATABASE_URL"] = (
            f"postgres://postgres:{PASSWORD}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
        )
    return {**os.environ, **urls, "DEBUG": "off", "NULLSTORE_HTTPS": "off", **more}


@dataclass(frozen=True)
class Gunicorn:
    """A running one: its port, and what it has written to stderr and stdout."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def request(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request; headers are named with _ for -."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): said for name, said in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def answers(self) -> bool:
        try:
            return self.get("/livez")[0] == 200
        except OSError:
            return False

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def forget(self) -> None:
        """Empty the log."""
        os.truncate(self.log, 0)

    def objects(self) -> list[dict[str, Any]]:
        """Every line so far, each a JSON object."""
        return [json.loads(line) for line in self.said().splitlines()]


@contextmanager
def gunicorn(log: Path, folder: Path = ROOT, **more: str) -> Iterator[Gunicorn]:
    """Run gunicorn in the folder, with these variables in addition, until the block ends."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", "nullstore.wsgi"]
    variables = environment(NULLSTORE_BIND=f"127.0.0.1:{port}", **{"NULLSTORE_WORKERS": "1", **more})
    with log.open("a") as written:
        process = subprocess.Popen(command, cwd=folder, env=variables, stderr=written, stdout=written)
    running = Gunicorn(port, process, log)
    try:
        wait_for(lambda: process.poll() is not None or running.answers())
        assert process.poll() is None, running.said()
        yield running
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
