"""A pytest plugin: the environment of the test run, and a PostgreSQL pair of its own on free ports.

Loaded with -p, before pytest-django reads the settings. Nothing of the pair that `make run` made is used or touched.
"""

import os
import random
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nullstore.localdb.binaries import Programs, programs_for_servers
from nullstore.localdb.server import LocalServer

PASSWORD = secrets.token_hex(16)
# A crash of the machine costs nothing here; a test that needs durability says so.
FAST = {"fsync": "off", "full_page_writes": "off"}


def pytest_configure() -> None:
    """Have SIGTERM end the run as Ctrl-C does, so that the servers are stopped then, too.

    And have SIGINT, which a shell that starts the run in the background has it ignore, and all its children.
    """
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody uses at this moment.

    Not of the range from which the system takes ports for outgoing connections: while a server is down, somebody's
    connection would get its port, even one that tries to reach that server.
    """
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            attempt = socket.socket()
            try:
                attempt.bind(("127.0.0.1", random.randrange(10_000, 32_768)))  # the range of Linux begins there
            except OSError:
                attempt.close()
            else:
                sockets.append(attempt)
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def url(port: int, database: str, password: str = PASSWORD) -> str:
    return f"postgres://postgres:{password}@127.0.0.1:{port}/{database}"


@dataclass(frozen=True)
class Pair:
    """Two running servers and the programs they run from."""

    erebus: LocalServer
    agents: LocalServer
    programs: Programs


@contextmanager
def running_pair(ports: Sequence[int], settings: dict[str, str] | None = None) -> Iterator[Pair]:
    """Make and start a pair in a temporary folder; at the end stop it and remove everything."""
    directory = Path(tempfile.mkdtemp(prefix="nullstore-tests-"))
    directory.chmod(0o755)  # as root the servers run as another user, who has to get in
    try:
        programs = programs_for_servers(_bindir(), directory / "programs")
        servers = [
            LocalServer(
                directory=directory / alias,
                host="127.0.0.1",
                port=port,
                user="postgres",
                password=PASSWORD,
                databases=(alias,),
                aliases=(alias,),
                extra_settings=FAST if settings is None else settings,
            )
            for alias, port in zip(("erebus", "agents"), ports, strict=True)
        ]
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda server: server.start(programs), servers))
            yield Pair(*servers, programs)
        finally:
            for server in servers:
                server.stop("immediate")
    finally:
        shutil.rmtree(directory)


def _bindir() -> Path | None:
    named = os.environ.get("NULLSTORE_PG_BINDIR")
    return Path(named) if named else None


PORTS = free_ports(2)
os.environ.update(
    NULLSTORE_ENV_FILE="",
    DEBUG="off",
    SECRET_KEY=secrets.token_hex(32),
    FIELD_ENCRYPTION_KEYS="test:" + "dGVzdC1rZXktb2YtMzItYnl0ZXMtZm9yLXRlc3RzLS0=",
    REPLICATION_PASSWORD=secrets.token_hex(16),
    EREBUS_DATABASE_URL=url(PORTS[0], "erebus"),
    AGENTS_DATABASE_URL=url(PORTS[1], "agents"),
    NULLSTORE_ENVIRONMENT="test",
    NULLSTORE_HTTPS="off",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
)
for leaks_from_outside in (
    "REPLICATION_SOURCE_URL",
    "REPLICATION_ROLE",
    "DATABASE_POOL_SIZE",
    "NULLSTORE_LOCALDB_DIR",
    "NULLSTORE_TWO_FACTOR",
    "NULLSTORE_ADMIN_PATH",
    "NULLSTORE_LOGIN_ATTEMPTS",
    "NULLSTORE_LOGIN_COOLOFF",
    "NULLSTORE_CLIENT_ADDRESS_HEADER",
    "NULLSTORE_TLS_HEADER",
):
    os.environ.pop(leaks_from_outside, None)
