"""The pair of servers that the faults happen to: killed, stopped, copied, and put back as it was."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.db import connections

from nullstore.localdb.account import server_account
from nullstore.localdb.folders import make_server_folder
from nullstore.localdb.server import LocalServer
from tests.integration.replicas import wait_for
from tests.servers import FAST, Pair, free_ports, running_pair

SETTINGS = {
    **FAST,
    "max_prepared_transactions": "10",
    # Long enough for two busy cores, short enough for a test that cuts the network.
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
}


@dataclass
class FaultPair:
    """Two servers, and a copy of their data as it was when both were migrated and nothing had happened to them.

    `dirty` says that the next test must not go on with them as they are.
    """

    pair: Pair
    copies: Path
    dirty: bool = False

    def server(self, alias: str) -> LocalServer:
        return {"erebus": self.pair.erebus, "agents": self.pair.agents}[alias]

    def start(self, *aliases: str) -> None:
        """Start the servers of these aliases at the same time."""
        connections.close_all()  # Django's sessions ended with the servers
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda alias: self.server(alias).start(self.pair.programs), aliases))

    def stop(self, *aliases: str, mode: str = "fast") -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda alias: self.server(alias).stop(mode), aliases))

    def restart(self, alias: str) -> None:
        self.stop(alias)
        self.start(alias)

    def is_child(self, alias: str, pid: int) -> bool:
        """Whether the process is there, and was started by the postmaster: no other one is ever to be killed."""
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return f"PPid:\t{self.server(alias).pid}\n" in status

    def crash(self, *aliases: str) -> None:
        """SIGKILL the postmasters, and wait until they are gone. Their children find out by themselves."""
        pids = [pid for alias in aliases if (pid := self.server(alias).pid)]
        assert len(pids) == len(aliases)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(self.server(alias).is_running() for alias in aliases))

    def said(self, lines: int = 25) -> str:
        """The end of what both servers have logged."""
        logs = [
            path for alias in ("erebus", "agents") for path in self.server(alias).directory.glob("log/server-*.log")
        ]
        tails = (path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] for path in logs)
        return "\n".join(
            "\n".join((f"{path.parent.parent.name}:", *tail)) for path, tail in zip(logs, tails, strict=True)
        )

    def keep(self, alias: str, name: str) -> None:
        """Copy the data directory of a stopped server to put_back() it under this name later."""
        assert not self.server(alias).is_running()
        copy_data(self.server(alias).data, self.copies / f"{alias}-{name}")

    def put_back(self, alias: str, name: str) -> None:
        """Replace the data directory of a stopped server by what keep() copied."""
        data = self.server(alias).data
        assert not self.server(alias).is_running()
        shutil.rmtree(data)
        copy_data(self.copies / f"{alias}-{name}", data)

    def restore(self) -> None:
        """Put both servers back to how they were before the first fault."""
        self.stop("erebus", "agents", mode="immediate")
        self.dirty = False
        for alias in ("erebus", "agents"):
            self.put_back(alias, "pristine")
        self.start("erebus")  # first, so that the subscription finds it at once
        self.start("agents")


def copy_data(source: Path, target: Path) -> None:
    """Copy a data directory with its owner and modes."""
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


@contextmanager
def fault_pair() -> Iterator[FaultPair]:
    """A running pair with empty databases of its own."""
    with running_pair(free_ports(2), SETTINGS) as pair:
        copies = pair.erebus.directory.parent / "copies"
        copies.mkdir(mode=0o755)
        yield FaultPair(pair, copies)


@contextmanager
def in_django(pair: FaultPair, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Django's aliases mean the databases of `pair` for as long as the block lasts."""
    with patch.context() as patched:
        for alias in ("erebus", "agents"):
            server = pair.server(alias)
            for name, value in {"HOST": server.host, "PORT": server.port, "NAME": alias}.items():
                patched.setitem(connections[alias].settings_dict, name, value)
            connections[alias].close()
        try:
            yield
        finally:
            connections.close_all()


def another_server(pair: FaultPair, alias: str, name: str) -> LocalServer:
    """A server on the copy that keep() made under this name, on a port of its own; the caller starts and stops it."""
    original = pair.server(alias)
    (port,) = free_ports(1)
    directory = pair.copies.parent / f"{alias}-{name}"
    make_server_folder(directory, server_account(original.directory))
    copy_data(pair.copies / f"{alias}-{name}", directory / "data")
    return replace(original, directory=directory, port=port)
