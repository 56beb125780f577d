"""Wait until the replica has what the source has."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from nullstore.databases import USER_SYNC
from nullstore.exceptions import DatabaseUnavailable, ReplicationError, ReplicationTimeout
from nullstore.replication import catalog
from nullstore.replication.catalog.applying import open_transactions
from nullstore.replication.position import committed_position, emit_message

Answer = TypeVar("Answer")

_PATIENCE: Final = 0.1


@contextmanager
def replicated(timeout: float = 10.0) -> Iterator[None]:
    """Around writes to the source: returns once a read of the replica sees what the block committed.

    `timeout` is in seconds, from the end of the block. Raises what wait_until_replicated() raises; inside an open
    transaction before the block runs, because nothing that it writes would be committed at its end.
    """
    _refuse_open_transaction(connections[USER_SYNC.publisher])
    yield
    wait_until_replicated(timeout)


def source_position() -> int:
    """Return a position in the publisher's WAL (in bytes) that is behind everything committed there before the call.

    Raises ReplicationError inside a transaction on the publisher: what that wrote is not committed. Transactions that
    other sessions have open are not waited for.
    """
    connection = connections[USER_SYNC.publisher]
    _refuse_open_transaction(connection)
    return _ask_anew_if_cut(connection, _committed_position)


def _ask_anew_if_cut(connection: BaseDatabaseWrapper, ask: Callable[[BaseDatabaseWrapper], Answer]) -> Answer:
    """Ask again on a new connection where a restart since the last query has cost Django the old one."""
    try:
        return ask(connection)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return ask(connection)


def _refuse_open_transaction(connection: BaseDatabaseWrapper) -> None:
    if connection.in_atomic_block or not connection.get_autocommit():
        raise ReplicationError(
            f"There is an open transaction on {connection.alias}: what it wrote is not committed and cannot arrive. "
            "Commit it, then wait."
        )


def _committed_position(connection: BaseDatabaseWrapper) -> int:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return committed_position(connection.connection)


def progress() -> catalog.Progress:
    """Ask the subscriber how far it is.

    Raises ReplicationError without a subscription or without the right to ask, and if it is ahead of the publisher.
    """
    state = _ask()
    if state is None:
        raise ReplicationError(
            f"The database {USER_SYNC.subscriber} has no subscription {USER_SYNC.subscription}. "
            f"Run: manage.py migrate --database={USER_SYNC.subscriber}; if that has nothing to do, "
            "somebody dropped it: manage.py replication resync"
        )
    return state


def _ask() -> catalog.Progress | None:
    connection = connections[USER_SYNC.subscriber]
    try:
        return catalog.progress(connection, USER_SYNC.subscription)
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            raise
        raise ReplicationError(
            f"{connection.settings_dict['USER']} may not ask {USER_SYNC.subscriber} how far replication is. As a "
            "superuser: GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean) TO "
            f'"{connection.settings_dict["USER"]}"'
        ) from error


def wait_until_replicated(timeout: float = 10.0) -> float:
    """Wait until the replica has everything that was committed on the source before the call.

    `timeout` is in seconds. Returns the seconds it took. A restart of either server meanwhile is waited out. Raises
    ReplicationTimeout, which says how far it got, and ReplicationError where waiting cannot help.
    """
    _refuse_old_snapshot(connections[USER_SYNC.subscriber])
    position = source_position()
    started = time.monotonic()
    pause = 0.0005
    state: catalog.Progress | None = _ask_anew_if_cut(connections[USER_SYNC.subscriber], lambda _: progress())
    while state is None or not _has_arrived(state, position):
        waited = time.monotonic() - started
        if waited > timeout:
            raise _too_late(waited, state)
        time.sleep(min(pause, timeout))
        pause = min(pause * 1.5, 0.05)
        state = _progress_unless_down()
    _wait_until_visible(state, started + timeout)
    return time.monotonic() - started


def _wait_until_visible(arrived: catalog.Progress, deadline: float) -> None:
    """Wait until others see the transaction at whose end the subscription has arrived.

    A commit advances the origin's position before it makes the transaction visible: by microseconds, by tens of
    milliseconds where the worker loses its processor in between. Every later position means that it is visible. The
    id that is still held may be that of a transaction which is open on the publisher and applied already, in parallel
    (18): so if it stays, a later position is made.
    """
    connection = connections[USER_SYNC.subscriber]
    unseen = open_transactions(connection, USER_SYNC.subscription)
    patience = time.monotonic() + _PATIENCE
    while unseen:
        now = time.monotonic()
        if now > deadline:
            raise ReplicationTimeout(f"The replica has not committed what it has applied: {describe(arrived)}.")
        if now > patience:
            _write_a_later_position()
            patience = deadline
        time.sleep(0.0005)
        unseen &= open_transactions(connection, USER_SYNC.subscription)
        if (at := progress().position) is not None and arrived.position is not None and at > arrived.position:
            return


def _write_a_later_position() -> None:
    connection = connections[USER_SYNC.publisher]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        emit_message(connection.connection)


def _too_late(waited: float, state: catalog.Progress | None) -> Exception:
    if state is None:
        return DatabaseUnavailable(f"{USER_SYNC.subscriber} went away while the replica was awaited ({waited:.1f} s).")
    return ReplicationTimeout(f"After {waited:.1f} s the replica does not have what erebus has: {describe(state)}.")


def _progress_unless_down() -> catalog.Progress | None:
    """Ask the subscriber how far it is; None while it is not there, as in a restart."""
    connection = connections[USER_SYNC.subscriber]
    try:
        return progress()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return None


def _refuse_old_snapshot(connection: BaseDatabaseWrapper) -> None:
    """Raise ReplicationError where the caller's reads would not see what arrives."""
    if not connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        (isolation,) = cursor.fetchone()
    if isolation != "read committed":
        raise ReplicationError(
            f"There is an open transaction on {connection.alias} that is {isolation}: it goes on seeing the replica as "
            "it was when it began. End it, then wait."
        )


def _has_arrived(state: catalog.Progress, position: int) -> bool:
    """Tell whether everything up to `position` is applied. A subscription without any table has nothing."""
    if state.position is None or state.position < position:
        return False
    if state.position > position:
        _refuse_if_ahead(state.position)
    return state.worker_pid is not None and state.tables > 0 and state.tables_copying == 0


def _refuse_if_ahead(position: int) -> None:
    """Raise ReplicationError if the publisher never wrote as far as the subscription has applied."""
    if position > _ask_anew_if_cut(connections[USER_SYNC.publisher], catalog.insert_position):
        raise ReplicationError(
            f"{USER_SYNC.subscription} has applied more than {USER_SYNC.publisher} has written: that database was "
            "restored or replaced, and changes are passed over in silence. Run: manage.py replication resync"
        )


def describe(state: catalog.Progress) -> str:
    """Say how far the subscription is, for a message."""
    worker = f"its apply worker runs (pid {state.worker_pid})" if state.worker_pid else "its apply worker does not run"
    applied = "nothing yet" if state.position is None else f"byte {state.position:,} of the WAL"
    return (
        f"{USER_SYNC.subscription} has applied up to {applied}, {worker}, "
        f"{state.tables_copying} of {state.tables} tables are still being copied"
    )
