"""An erebus primary with a synchronous physical standby that keeps the subscription's slot, and its promotion."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nullstore.localdb.account import server_account
from nullstore.localdb.files import write_private
from nullstore.localdb.folders import make_server_folder
from nullstore.localdb.server import LocalServer
from tests.faults.clusters import FaultPair
from tests.integration.replicas import wait_for
from tests.servers import PASSWORD, free_ports

STANDBY = "standby"
SLOT = "standby_slot"
#: On the primary: a commit waits for the standby, and the subscriber gets nothing that the standby does not have.
PROMISES = {"synchronous_standby_names": f"FIRST 1 ({STANDBY})", "synchronized_standby_slots": SLOT}


class Standby:
    """The standby of the pair's erebus server."""

    def __init__(self, pair: FaultPair) -> None:
        self.pair = pair
        self.primary = pair.server("erebus")
        (port,) = free_ports(1)
        self.server = replace(
            self.primary,
            directory=pair.copies.parent / "standby",
            port=port,
            extra_settings={
                **self.primary.extra_settings,
                "hot_standby_feedback": "on",
                "primary_slot_name": SLOT,
                # What pg_basebackup brings along of the primary would have the promoted server wait for itself.
                "synchronous_standby_names": "",
                "synchronized_standby_slots": "",
            },
        )

    def make(self) -> None:
        """Copy the primary, start the copy as its standby, and have the primary wait for it."""
        with self.primary.connect() as connection:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
        self._copy()
        self.server.start(self.pair.pair.programs)
        wait_for(self.streams)
        with self.primary.connect() as connection:
            for name, value in PROMISES.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")
        wait_for(self.is_synchronous)

    def _copy(self) -> None:
        directory = self.server.directory
        account = server_account(self.primary.directory)
        make_server_folder(directory, account)
        service = directory / "pgpass"
        write_private(service, f"*:*:*:*:{PASSWORD}\n", account)
        # dbname: from 17 on the synchronisation of slots logs in to a database.
        place = (
            f"host={self.primary.host} port={self.primary.port} user=postgres dbname=postgres "
            f"application_name={STANDBY} passfile={service}"
        )
        done = account.run(
            [
                *[self.pair.pair.programs.bindir / "pg_basebackup", "-D", self.server.data, "-d", place],
                *["-R", "-X", "stream", "-S", SLOT, "-c", "fast", "--no-sync"],
            ],
            cwd=directory,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr

    def streams(self) -> bool:
        return self._ask("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'standby'") == 1

    def is_synchronous(self) -> bool:
        return self._ask("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'standby'") == "sync"

    def _ask(self, query: str) -> object:
        with self.primary.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]

    def keep_slots(self) -> None:
        """Start the worker that synchronises slots, now that there is one: while idle it looks ever more rarely."""
        with self.server.connect() as connection:
            connection.execute("ALTER SYSTEM SET sync_replication_slots = on")
            connection.execute("SELECT pg_reload_conf()")
        wait_for(self.has_the_slot)

    def has_the_slot(self) -> bool:
        """Whether the subscription's slot would survive a promotion now."""
        with self.server.connect("erebus") as connection:
            found = connection.execute(
                "SELECT synced AND NOT temporary AND invalidation_reason IS NULL FROM pg_replication_slots "
                "WHERE slot_name LIKE 'agents_user_sync%'"
            ).fetchall()
        return found == [(True,)]

    def promote(self) -> None:
        """pg_ctl promote, which returns when the server can be written."""
        account = server_account(self.server.directory)
        command = [self.pair.pair.programs.bindir / "pg_ctl", "promote", "-w", "-t", "60", "-D", self.server.data]
        done = account.run(command, cwd=self.server.directory, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr

    def said(self) -> str:
        """The end of what the standby has logged."""
        return "\n".join(
            line
            for path in self.server.directory.glob("log/server-*.log")
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        )


@contextmanager
def standby_of(pair: FaultPair) -> Iterator[Standby]:
    """A running, synchronous standby; it and its data are gone afterwards."""
    standby = Standby(pair)
    try:
        standby.make()
        yield standby
    finally:
        standby.server.stop("immediate")
        shutil.rmtree(standby.server.directory, ignore_errors=True)


def place_of(*servers: LocalServer) -> dict[str, str]:
    """Django's HOST and PORT of one or several servers, as the settings read them from a URL."""
    return {
        "HOST": ",".join(server.host for server in servers),
        "PORT": ",".join(str(server.port) for server in servers),
    }
