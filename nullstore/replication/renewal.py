"""A subscription made, or made anew, on a new slot: nothing is copied twice and nothing is left out."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, conninfo, guard
from nullstore.replication.compare.ends import Ends
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute, execute_secret
from nullstore.replication.options import clause
from nullstore.replication.reconcile import reconcile
from nullstore.replication.slots import new_slot, slot_name
from nullstore.replication.specs import SubscriptionSpec

logger = logging.getLogger(__name__)


def create(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, published: catalog.Publication, *, replacing: bool = False
) -> None:
    """Make a slot and the subscription on it, in one transaction of the subscriber.

    Tables that are empty are copied by PostgreSQL's table sync; rows that are there are compared with the slot's
    snapshot, and what differs is mended. `replacing` drops the subscription that is there.
    """
    slot = slot_name(spec.name, subscriber)
    with new_slot(spec.publisher, slot, spec.options) as snapshot, transaction.atomic(using=subscriber.alias):
        filled = any(has_rows(subscriber, table) for table in published.tables)
        if filled:
            _reconcile(subscriber, spec, snapshot, published)
        if replacing:
            drop(subscriber, spec)
        statement = create_statement(spec, slot, conninfo.subscription_conninfo(spec.publisher), copy_data=not filled)
        execute_secret(subscriber, statement, f"Creating the subscription {spec.name}")


def renew(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    found: catalog.Subscription,
    published: catalog.Publication,
) -> None:
    """Replace a subscription that missed changes or follows a slot that is not ours; such a slot is left alone."""
    slot = slot_name(spec.name, subscriber)
    # Committed before any slot is touched: if we are killed, the next run finds it without a slot, hence not whole.
    with transaction.atomic(using=subscriber.alias):
        detach(subscriber, spec)
    try:
        # Its worker would go on to apply what it had read.
        wait_for_worker_to_end(subscriber, found)
        create(subscriber, spec, published, replacing=True)
    except BaseException:
        if found.enabled and found.slot_name not in (None, slot):
            attach(subscriber, spec, str(found.slot_name))
        raise
    tell_of_slot_left(spec, slot, found)


def create_statement(spec: SubscriptionSpec, slot: str, connection_string: str, *, copy_data: bool) -> sql.Composed:
    """Return CREATE SUBSCRIPTION on a slot that exists. It holds the connection string, hence a password."""
    options: Mapping[str, Any] = {
        "create_slot": False,
        "slot_name": slot,
        "copy_data": copy_data,
        "enabled": True,
        **spec.options,
    }
    return sql.SQL(
        "CREATE SUBSCRIPTION {name} CONNECTION {conninfo} PUBLICATION {publication} WITH ({options})"
    ).format(
        name=sql.Identifier(spec.name),
        conninfo=connection_string,
        publication=sql.Identifier(spec.publication),
        options=sql.SQL(clause(options)),
    )


def wait_for_worker_to_end(subscriber: BaseDatabaseWrapper, found: catalog.Subscription) -> None:
    """Wait until the subscription has no apply worker. Raises ReplicationError after conf.slot_timeout() seconds."""
    deadline = time.monotonic() + conf.slot_timeout()
    while (pid := catalog.apply_worker_pid(subscriber, found.oid)) is not None:
        if time.monotonic() > deadline:
            raise ReplicationError(
                f"The apply worker (pid {pid}) of the subscription {found.name} does not end. See what it waits for in "
                f"pg_stat_activity on {subscriber.alias}, end that, then run the same again."
            )
        time.sleep(0.05)


def detach(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Disable the subscription and take its slot from it; the slot stays where it is."""
    # A DROP that also drops the slot refuses to run in a transaction, and fails if the slot is gone.
    name = sql.Identifier(spec.name)
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))


def attach(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, slot: str) -> None:
    """Undo detach()."""
    name = sql.Identifier(spec.name)
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = {})").format(name, sql.Identifier(slot)))
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))


def drop(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Drop a subscription that has no slot."""
    execute(subscriber, sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(spec.name)))


def tell_of_slot_left(spec: SubscriptionSpec, slot: str, found: catalog.Subscription) -> None:
    """Warn of the slot that the subscription followed, if it is not ours to drop and still there."""
    if found.slot_name in (None, slot):
        return
    with connect(spec.publisher) as publisher:
        if catalog.slot(publisher, str(found.slot_name)) is not None:
            logger.warning(
                "The slot %s on %s, which %s followed, is left as it is, because it is not named for this database. It "
                "keeps WAL: if no other subscription uses it, drop it with: SELECT pg_drop_replication_slot('%s')",
                found.slot_name,
                spec.publisher,
                spec.name,
                found.slot_name,
            )


def has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Tell whether the table of the schema public has any row."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", table)))
        (filled,) = cursor.fetchone()
    return bool(filled)


def _reconcile(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, snapshot: str, published: catalog.Publication
) -> None:
    execute(subscriber, sql.SQL("SET LOCAL lock_timeout = {}").format(f"{conf.slot_timeout()}s"))
    execute(subscriber, sql.SQL(guard.LIFT_GUARD))
    try:
        with Ends(snapshot=snapshot) as ends:
            for table in sorted(published.tables):
                reconcile(ends, subscriber.connection, published.table(table))
    except psycopg.Error as error:
        raise ReplicationError(f"Bringing {subscriber.alias} to what {spec.publisher} says: {error}") from error
