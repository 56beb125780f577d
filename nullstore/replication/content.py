"""Brings the replica's rows to a slot's snapshot, before a subscription goes on from there."""

import logging
from collections.abc import Iterable
from typing import Final

import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ComparisonError, ReplicationError
from nullstore.replication import guard
from nullstore.replication.backfill import backfill
from nullstore.replication.compare.ends import Ends
from nullstore.replication.execute import execute, without_values
from nullstore.replication.reconcile import reconcile
from nullstore.replication.specs import PublishedTable

logger = logging.getLogger(__name__)

_NO_TIMEOUTS: Final = (
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN "
    "('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)


def bring_to_snapshot(
    subscriber: BaseDatabaseWrapper, publisher: str, snapshot: str, tables: Iterable[PublishedTable]
) -> bool:
    """Make the replicas of `tables` equal to what `snapshot` of `publisher` says, in the transaction that is open.

    An empty one is filled, one with rows is compared, and what differs is mended. Returns False where all are empty
    and cannot be filled as they are made: then they stay empty, and PostgreSQL's table sync, which tries again until
    it can, is to copy them. Raises ReplicationError.
    """
    todo = [(table, has_rows(subscriber, table.name)) for table in tables]
    try:
        with transaction.atomic(using=subscriber.alias):
            _bring(subscriber, snapshot, todo)
    except (psycopg.Error, ComparisonError) as error:
        if any(filled for _, filled in todo) or _is_of_the_servers(error):
            said = without_values(error)
            raise ReplicationError(f"Bringing {subscriber.alias} to what {publisher} says: {said}") from None
        logger.warning("%s: left to PostgreSQL's table sync to fill: %s", subscriber.alias, without_values(error))
        return False
    return True


def has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Tell whether the table of the schema public has any row."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", table)))
        (filled,) = cursor.fetchone()
    return bool(filled)


def _bring(subscriber: BaseDatabaseWrapper, snapshot: str, todo: list[tuple[PublishedTable, bool]]) -> None:
    # This session waits while the servers work, and a big table takes its time.
    execute(subscriber, sql.SQL("SET LOCAL lock_timeout = {}").format(f"{conf.slot_timeout()}s"))
    execute(subscriber, sql.SQL(_NO_TIMEOUTS))
    execute(subscriber, sql.SQL(guard.LIFT_GUARD))
    with Ends(snapshot=snapshot) as ends:
        for table, filled in todo:
            (reconcile if filled else backfill)(ends, subscriber.connection, table)


def _is_of_the_servers(error: Exception) -> bool:
    """Tell whether a server is at fault (gone, its disk full), and not how the table is made or who holds it."""
    held = psycopg.errors.LockNotAvailable
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, held)
