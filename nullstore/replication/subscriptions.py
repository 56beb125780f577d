"""Subscriptions: created on a slot that was made before, or altered to what is declared."""

import logging
import time

import psycopg
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, conninfo, guard
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute, execute_secret
from nullstore.replication.lock import alone
from nullstore.replication.reconcile import merge, stage
from nullstore.replication.slots import drop_slot, new_slot, slot_name
from nullstore.replication.specs import SubscriptionSpec

logger = logging.getLogger(__name__)


def ensure_subscription(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Create the subscription and its slot, or bring an existing one to `spec`. Outside a transaction only.

    Raises ReplicationError if the publisher has no such publication or if the slot cannot be made.
    """
    with alone(subscriber.alias, spec.name):
        tables = _published_tables(spec)
        slot = slot_name(spec.name, subscriber)
        found = catalog.subscription(subscriber, spec.name)
        if found is None:
            _create(subscriber, spec, slot, tables)
        elif _is_whole(subscriber, spec, slot, found, tables):
            _alter_to_match(subscriber, spec, found)
        else:
            _replace(subscriber, spec, slot, found, tables)


def drop_subscription(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Drop the subscription, then its slot; the rows stay. Raises DatabaseUnavailable before it touches anything if the
    publisher does not answer, because its slot would stay and keep WAL for ever.
    """
    with alone(subscriber.alias, spec.name):
        connect(spec.publisher).close()
        slot = slot_name(spec.name, subscriber)
        found = catalog.subscription(subscriber, spec.name)
        if found is not None:
            with transaction.atomic(using=subscriber.alias):
                _detach(subscriber, spec)
                _drop(subscriber, spec)
            _tell_of_slot_left(spec, slot, found)
        drop_slot(spec.publisher, slot)


def create_statement(spec: SubscriptionSpec, slot: str, conninfo: str, *, copy_data: bool) -> sql.Composed:
    """Return CREATE SUBSCRIPTION on a slot that exists. It holds the connection string, hence a password."""
    return sql.SQL(
        "CREATE SUBSCRIPTION {name} CONNECTION {conninfo} PUBLICATION {publication} "
        "WITH (create_slot = false, slot_name = {slot}, copy_data = {copy_data}, enabled = true)"
    ).format(
        name=sql.Identifier(spec.name),
        conninfo=conninfo,
        publication=sql.Identifier(spec.publication),
        slot=slot,
        copy_data=copy_data,
    )


def _published_tables(spec: SubscriptionSpec) -> frozenset[str]:
    # Asked as Django, and first: PostgreSQL only warns about a publication that is missing.
    published = catalog.publication(connections[spec.publisher], spec.publication)
    if published is None:
        raise ReplicationError(
            f"The database {spec.publisher} has no publication {spec.publication} to subscribe to. "
            f"Run first: manage.py migrate --database={spec.publisher}"
        )
    return published.tables


def _is_whole(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    slot: str,
    found: catalog.Subscription,
    tables: frozenset[str],
) -> bool:
    """Tell whether nothing was lost: our publication with all its tables, our slot, and that slot can be followed.

    A publisher that was rolled back has not written yet what the subscription has applied.
    """
    with connect(spec.publisher) as publisher:
        slot_found = catalog.slot(publisher, slot)
        written = catalog.insert_position(publisher)
    applied = catalog.progress(subscriber, spec.name) if catalog.may_ask_progress(subscriber) else None
    return (
        found.slot_name == slot
        and slot_found is not None
        and slot_found.usable
        and found.publications == (spec.publication,)
        and catalog.subscribed_tables(subscriber, found.oid) == tables
        and (applied is None or applied.position is None or applied.position <= written)
    )


def _alter_to_match(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription) -> None:
    name = sql.Identifier(spec.name)
    wanted = conninfo.subscription_conninfo(spec.publisher)
    stored = catalog.subscription_conninfo(subscriber, found.oid)
    # None: not for us to read, so not for us to compare.
    if stored is None or not conninfo.same(stored, wanted):
        statement = sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(name, wanted)
        execute_secret(subscriber, statement, f"Altering the subscription {spec.name}")
    if not found.enabled:
        execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))


def _replace(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    slot: str,
    found: catalog.Subscription,
    tables: frozenset[str],
) -> None:
    """Replace a subscription that missed changes or follows a slot that is not ours; such a slot is left alone."""
    # Committed before any slot is touched: if we are killed, the next run finds it without a slot, hence not whole.
    with transaction.atomic(using=subscriber.alias):
        _detach(subscriber, spec)
    try:
        # Its worker would go on to apply what it had read.
        _wait_for_worker_to_end(subscriber, found)
        _create(subscriber, spec, slot, tables, replacing=True)
    except BaseException:
        if found.enabled and found.slot_name not in (None, slot):
            _attach(subscriber, spec, str(found.slot_name))
        raise
    _tell_of_slot_left(spec, slot, found)


def _wait_for_worker_to_end(subscriber: BaseDatabaseWrapper, found: catalog.Subscription) -> None:
    deadline = time.monotonic() + conf.slot_timeout()
    while (pid := catalog.apply_worker_pid(subscriber, found.oid)) is not None:
        if time.monotonic() > deadline:
            raise ReplicationError(
                f"The apply worker (pid {pid}) of the subscription {found.name} does not end. See what it waits for in "
                f"pg_stat_activity on {subscriber.alias}, end that, then run the same again."
            )
        time.sleep(0.05)


def _create(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    slot: str,
    tables: frozenset[str],
    *,
    replacing: bool = False,
) -> None:
    with new_slot(spec.publisher, slot) as snapshot, transaction.atomic(using=subscriber.alias):
        filled = any(_has_rows(subscriber, table) for table in tables)
        if filled:
            _reconcile(subscriber, spec, snapshot, tables)
        if replacing:
            _drop(subscriber, spec)
        statement = create_statement(spec, slot, conninfo.subscription_conninfo(spec.publisher), copy_data=not filled)
        execute_secret(subscriber, statement, f"Creating the subscription {spec.name}")


def _reconcile(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, snapshot: str, tables: frozenset[str]) -> None:
    execute(subscriber, sql.SQL("SET LOCAL lock_timeout = {}").format(f"{conf.slot_timeout()}s"))
    execute(subscriber, sql.SQL(guard.LIFT_GUARD))
    try:
        with connect(spec.publisher) as source, source.transaction():
            source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            source.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            for table in sorted(tables):
                stage(source, subscriber.connection, table)
        for table in sorted(tables):
            merge(subscriber.connection, table)
    except psycopg.Error as error:
        raise ReplicationError(f"Bringing {subscriber.alias} to what {spec.publisher} says: {error}") from error


def _detach(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    # A DROP that also drops the slot refuses to run in a transaction, and fails if the slot is gone.
    name = sql.Identifier(spec.name)
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))


def _attach(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, slot: str) -> None:
    name = sql.Identifier(spec.name)
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = {})").format(name, sql.Identifier(slot)))
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))


def _drop(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    execute(subscriber, sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(spec.name)))


def _tell_of_slot_left(spec: SubscriptionSpec, slot: str, found: catalog.Subscription) -> None:
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


def _has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", table)))
        (filled,) = cursor.fetchone()
    return bool(filled)
