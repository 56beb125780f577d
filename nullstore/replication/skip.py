"""Leaves out the transaction that apply fails at: shown first, whole, and only if it does fail."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg
from django.db import connections
from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError, ReplicationTimeout
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute
from nullstore.replication.lock import alone
from nullstore.replication.options import SUBSCRIPTION_OPTIONS, current
from nullstore.replication.pgoutput import Transaction, read_transaction
from nullstore.replication.slots import own_slot

_COPY: Final = "SELECT pg_copy_logical_replication_slot(%s, %s, true, 'pgoutput')"
_PEEK: Final = (
    "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, 1, 'proto_version', '1', 'publication_names', %s)"
)


def failing_transaction() -> Transaction:
    """Return the transaction that apply fails at. Leaves everything as it was.

    Apply is watched failing, also where the subscription is disabled. Raises ReplicationError if it does not: leaving
    out a transaction that only waits its turn would lose rows. Needs a role that may use slots on the publisher.
    """
    subscriber = connections[USER_SYNC.subscriber]
    with alone(USER_SYNC.subscriber, USER_SYNC.subscription):
        found = catalog.subscription(subscriber, USER_SYNC.subscription)
        if found is None or found.slot_name != own_slot(USER_SYNC.subscription, subscriber, found.slot_name):
            raise ReplicationError(
                f"{USER_SYNC.subscription} is not there, or follows a slot of somebody else. "
                "Run: manage.py replication resync"
            )
        options = current(subscriber, "pg_subscription", found.oid, SUBSCRIPTION_OPTIONS)
        if options["two_phase"]:
            raise ReplicationError(
                f"{USER_SYNC.subscription} takes prepared transactions (two_phase), which apply leaves out by another "
                "position than this command knows. Run: manage.py replication resync"
            )
        with _one_after_the_other(found, options):
            _refuse_unless_it_fails(found)
        transaction = _next_transaction(found, catalog.origin_position(subscriber, found.oid) or 0)
    if not transaction.finish:
        raise ReplicationError("No transaction waits to be applied: there is nothing to leave out.")
    return transaction


@contextmanager
def _one_after_the_other(found: catalog.Subscription, options: Mapping[str, Any]) -> Iterator[None]:
    """Have apply go on, and take transactions in the order of their commits, so that the first is the one that fails.

    In parallel it may fail at one that is still open on the publisher.
    """
    name = sql.Identifier(found.name)
    parallel = options["streaming"] == "parallel"
    alter = partial(execute, connections[USER_SYNC.subscriber])
    try:
        if parallel:
            alter(sql.SQL("ALTER SUBSCRIPTION {} SET (streaming = on)").format(name))
        if not found.enabled:
            alter(sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))
        yield
    finally:
        if parallel:
            alter(sql.SQL("ALTER SUBSCRIPTION {} SET (streaming = parallel)").format(name))
        if not found.enabled:
            alter(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))


def skip(transaction: Transaction, timeout: float = 60.0) -> None:
    """Have apply leave out this transaction, all of it, and go on; returns once it has.

    `timeout` is in seconds. Raises ReplicationError if apply has got past it meanwhile, ReplicationTimeout if it does
    not get there.
    """
    subscriber = connections[USER_SYNC.subscriber]
    name = sql.Identifier(USER_SYNC.subscription)
    with alone(USER_SYNC.subscriber, USER_SYNC.subscription):
        found = catalog.subscription(subscriber, USER_SYNC.subscription)
        if found is None or (catalog.origin_position(subscriber, found.oid) or 0) >= transaction.finish:
            raise ReplicationError("Apply has got past that transaction meanwhile: there is nothing to leave out.")
        execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} SKIP (lsn = {})").format(name, lsn(transaction.finish)))
        execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))
    deadline = time.monotonic() + timeout
    while (catalog.origin_position(subscriber, found.oid) or 0) < transaction.finish:
        if time.monotonic() > deadline:
            raise ReplicationTimeout(
                f"Apply has not got past the transaction at {lsn(transaction.finish)} within {timeout:g} s. "
                "See: manage.py replication status"
            )
        time.sleep(0.05)


def lsn(position: int) -> str:
    """Return a position in the WAL, in bytes, as PostgreSQL writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _refuse_unless_it_fails(found: catalog.Subscription) -> None:
    """Two looks: a counter since ever says nothing about now."""
    subscriber = connections[USER_SYNC.subscriber]
    before = catalog.error_counts(subscriber, found.oid)
    deadline = time.monotonic() + 2 * catalog.worker_limits(subscriber).retry_interval + 1
    while time.monotonic() < deadline:
        if catalog.error_counts(subscriber, found.oid).grown_since(before).apply:
            return
        time.sleep(0.05)
    raise ReplicationError(
        f"Applying changes to {USER_SYNC.subscriber} does not fail: there is nothing to leave out. What fails in a "
        "transaction that is still open on the publisher fails at its end. See: manage.py replication status"
    )


def _next_transaction(found: catalog.Subscription, applied: int) -> Transaction:
    """Read it from a temporary copy of the slot, which leaves the slot itself as it is, in use or not."""
    copy = f"nullstore_look_{time.time_ns()}"
    with connect(USER_SYNC.publisher) as publisher:
        try:
            publisher.execute(_COPY, [found.slot_name, copy])
            if applied:
                publisher.execute(
                    "SELECT pg_replication_slot_advance(slot_name, greatest(%s::pg_lsn, confirmed_flush_lsn)) "
                    "FROM pg_replication_slots WHERE slot_name = %s",
                    [lsn(applied), copy],
                )
            transaction = read_transaction(_messages(publisher, copy, found.publications))
            publisher.execute("SELECT pg_drop_replication_slot(%s)", [copy])
        except psycopg.Error as error:
            raise ReplicationError(
                f"What waits in the slot {found.slot_name} on {USER_SYNC.publisher} cannot be read: "
                f"{error.diag.message_primary or error}. Run: manage.py replication resync"
            ) from error
    return transaction


def _messages(publisher: psycopg.Connection, slot: str, publications: tuple[str, ...]) -> Iterator[bytes]:
    with publisher.transaction(), publisher.cursor("messages", binary=True) as cursor:
        cursor.execute(_PEEK, [slot, ",".join(publications)])
        for (message,) in cursor:
            yield bytes(message)
