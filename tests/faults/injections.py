"""What tests and the soak do to processes, to servers, and to what replication is made of."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connections

from nullstore.localdb.account import server_account
from nullstore.localdb.server import LocalServer
from tests.faults.clusters import another_server
from tests.faults.faults import SQL, Fault
from tests.faults.writers import Journal
from tests.integration.replicas import add_user, slots, wait_for

#: How to find the process: on which server, and by which query.
WALSENDER = ("erebus", "SELECT pid FROM pg_stat_replication WHERE application_name = 'agents_user_sync'")
APPLY_WORKER = ("agents", "SELECT pid FROM pg_stat_subscription WHERE relid IS NULL AND pid IS NOT NULL LIMIT 1")
SYNC_WORKER = ("agents", "SELECT pid FROM pg_stat_subscription WHERE relid IS NOT NULL AND pid IS NOT NULL LIMIT 1")
MEGABYTE = 1024 * 1024

Place = tuple[str, str]


def kill(fault: Fault, place: Place, number: int) -> None:
    """Send the signal to the process, as soon as it is there, and wait until its server knows of its end."""
    alias, query = place
    pids: list[int] = []

    def killed() -> bool:
        try:
            with fault.connect(alias) as session:
                row = session.execute(query).fetchone()
        except psycopg.OperationalError:  # the server is just coming back from the signal before
            return False
        if row is None or not fault.pair.is_child(alias, row[0]):
            return False
        os.kill(row[0], number)
        pids.append(row[0])
        return True

    wait_for(killed)
    wait_for(lambda: not fault.pair.is_child(alias, pids[0]))


def again_and_again(fault: Fault, journal: Journal) -> None:
    """Twelve kills and crashes in a row: the next one hits while the servers are still busy with the one before."""
    for number in range(12):
        if number % 3 == 0:
            kill(fault, WALSENDER, signal.SIGKILL)
        elif number % 3 == 1:
            kill(fault, APPLY_WORKER, signal.SIGKILL)
        else:
            aliases = (("erebus",), ("agents",), ("erebus", "agents"))[number % 9 // 3]
            fault.pair.crash(*aliases)
            fault.pair.start(*aliases)
        journal.wait_for_commits(10)


def drop_publication() -> None:
    SQL["erebus"].run("DROP PUBLICATION erebus_user_sync")


def take_table_out() -> None:
    SQL["erebus"].run("ALTER PUBLICATION erebus_user_sync DROP TABLE user_references")


def stop_following() -> None:
    """Disable the subscription, and wait until its worker is gone."""
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    wait_for(lambda: not any(active for _, active in slots()))


def drop_slot() -> None:
    stop_following()
    SQL["erebus"].run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync ENABLE")


def lose_slot() -> None:
    """Write more WAL than the server may keep for a slot that nobody reads."""
    stop_following()
    SQL["erebus"].run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    SQL["erebus"].run("SELECT pg_reload_conf()")

    def lost() -> bool:
        SQL["erebus"].run("SELECT pg_logical_emit_message(false, 'test', 'x')")
        SQL["erebus"].run("SELECT pg_switch_wal()")
        SQL["erebus"].run("CHECKPOINT")
        return bool(SQL["erebus"].value("SELECT bool_and(wal_status = 'lost') FROM pg_replication_slots"))

    wait_for(lost)
    SQL["erebus"].run("ALTER SYSTEM RESET max_slot_wal_keep_size")
    SQL["erebus"].run("SELECT pg_reload_conf()")
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync ENABLE")


def disable() -> None:
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync DISABLE")


def drop_subscription() -> None:
    """As somebody does who gives up: the slot is left behind."""
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync SET (slot_name = NONE)")
    SQL["agents"].run("DROP SUBSCRIPTION agents_user_sync")


def set_password(password: str, *, hang_up: bool) -> None:
    """Change the replication role's password; hang up on the walsender, so that the subscription logs in again."""
    SQL["erebus"].run(f"ALTER ROLE nullblock_replicator PASSWORD '{password}'")
    if hang_up:
        SQL["erebus"].run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")


def timeouts(value: str) -> None:
    """Set after which time the ends of replication give each other up; "" for as long as before."""
    for alias, name in (("erebus", "wal_sender_timeout"), ("agents", "wal_receiver_timeout")):
        SQL[alias].run(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
        SQL[alias].run("SELECT pg_reload_conf()")


def limit_file_size(server: LocalServer, soft_limit: str) -> None:
    """Limit the files of the postmaster and of processes that it starts from now on. Its own user may do that."""
    account = server_account(server.directory)
    done = account.run(["prlimit", "--pid", str(server.pid), f"--fsize={soft_limit}"], cwd=Path("/"), timeout=10)
    assert done.returncode == 0, done.stderr
    connections.close_all()  # a session keeps the limit with which it began


@contextmanager
def copy_on_the_slot(fault: Fault) -> Iterator[psycopg.Connection]:
    """A copy of agents that was started while agents was down, and has taken a change away; a session in it."""
    fault.pair.stop("agents")
    fault.pair.keep("agents", "copy")
    copy = another_server(fault.pair, "agents", "copy")
    copy.start(fault.pair.pair.programs)
    try:
        with copy.connect("agents") as session:
            add_user("for the copy")
            query = "SELECT FROM user_references WHERE source_identifier = 'for the copy'"
            wait_for(lambda: session.execute(query).fetchone() is not None)
            fault.pair.start("agents")
            yield session
    finally:
        copy.stop("immediate")
        for folder in (copy.directory, fault.pair.copies / "agents-copy"):
            shutil.rmtree(folder)
