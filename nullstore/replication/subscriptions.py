"""Subscriptions: created on a slot that was made before, or altered to what is declared."""

import time
from dataclasses import dataclass

import psycopg
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, conninfo, guard
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute, execute_secret
from nullstore.replication.reconcile import reconcile
from nullstore.replication.slots import drop_slot, new_slot, slot_name


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What a migration declares: the subscription, the publication it follows, and the publisher's alias."""

    name: str
    publication: str
    publisher: str


def ensure_subscription(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Create the subscription and its slot, or bring an existing one to `spec`. Outside a transaction only.

    Raises ReplicationError if the publisher has no such publication or if the slot cannot be made.
    """
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
    connect(spec.publisher).close()
    found = catalog.subscription(subscriber, spec.name)
    if found is not None:
        with transaction.atomic(using=subscriber.alias):
            _drop(subscriber, spec)
    drop_slot(spec.publisher, slot_name(spec.name, subscriber))


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
    """Tell whether nothing was lost: our slot, which is there, our publication, and all of its tables."""
    with connect(spec.publisher) as publisher:
        slot_is_there = catalog.slot(publisher, slot) is not None
    return (
        slot_is_there
        and found.slot_name == slot
        and found.publications == (spec.publication,)
        and catalog.subscribed_tables(subscriber, found.oid) == tables
    )


def _alter_to_match(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription) -> None:
    name = sql.Identifier(spec.name)
    wanted = conninfo.subscription_conninfo(spec.publisher)
    stored = catalog.subscription_conninfo(subscriber, found.oid)
    if stored is not None and not conninfo.same(stored, wanted):
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
    """Replace a subscription that missed changes or consumes a slot that is not ours; that slot is left alone."""
    # Committed, and its worker gone, before the rows are compared: it would go on to apply what it had read.
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(spec.name)))
    _wait_for_worker_to_end(subscriber, found)
    try:
        _create(subscriber, spec, slot, tables, replacing=True)
    except BaseException:
        if found.enabled:
            execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(sql.Identifier(spec.name)))
        raise


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
    with connect(spec.publisher) as source, source.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        source.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        try:
            for table in sorted(tables):
                reconcile(source, subscriber.connection, table)
        except psycopg.Error as error:
            raise ReplicationError(f"Bringing {subscriber.alias} to what {spec.publisher} says: {error}") from error


def _drop(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    # Detached first: a DROP that also drops the slot refuses to run in a transaction, and fails if the slot is gone.
    for statement in (
        "ALTER SUBSCRIPTION {} DISABLE",
        "ALTER SUBSCRIPTION {} SET (slot_name = NONE)",
        "DROP SUBSCRIPTION {}",
    ):
        execute(subscriber, sql.SQL(statement).format(sql.Identifier(spec.name)))


def _has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", table)))
        (filled,) = cursor.fetchone()
    return bool(filled)
