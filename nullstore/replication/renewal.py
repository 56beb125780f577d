"""A subscription made, or made anew, on a new slot: nothing is copied twice and nothing is left out."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, conninfo
from nullstore.replication.connect import connect
from nullstore.replication.content import bring_to_snapshot
from nullstore.replication.execute import execute, execute_secret
from nullstore.replication.options import SUBSCRIPTION_OPTIONS, clause, current
from nullstore.replication.slots import drop_slot, new_slot, slot_names
from nullstore.replication.specs import SubscriptionSpec

logger = logging.getLogger(__name__)


def create(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    published: catalog.Publication,
    replaced: catalog.Subscription | None = None,
) -> None:
    """Make a slot and the subscription on it, in one transaction of the subscriber.

    The replica's rows are brought to the slot's snapshot; only where that cannot be done for empty tables are they left
    to PostgreSQL's table sync. `replaced` is the subscription that is dropped in the same transaction.
    """
    names = slot_names(spec.name, subscriber)
    slot = next(name for name in names if replaced is None or name != replaced.slot_name)
    with new_slot(spec.publisher, slot, spec.options) as snapshot, transaction.atomic(using=subscriber.alias):
        tables = [published.table(name) for name in sorted(published.tables)]
        brought = bring_to_snapshot(subscriber, spec.publisher, snapshot, tables)
        if replaced is not None:
            detach(subscriber, spec)
            drop(subscriber, spec)
        statement = create_statement(spec, slot, conninfo.subscription_conninfo(spec.publisher), copy_data=not brought)
        execute_secret(subscriber, statement, f"Creating the subscription {spec.name}")


def renew(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    found: catalog.Subscription,
    published: catalog.Publication,
) -> None:
    """Replace a subscription that missed changes, or follows a slot that is not ours, by one on a new slot.

    The old slot is not touched before that is committed: if anything fails, the subscription goes on as it was; if we
    are killed, the next run finds it disabled. Options that are not declared are kept.
    """
    kept = current(subscriber, "pg_subscription", found.oid, SUBSCRIPTION_OPTIONS)
    kept.pop("two_phase", None)  # cannot be had at once where tables are copied
    wanted = replace(spec, options={**kept, **spec.options})
    _disable(subscriber, spec)
    try:
        # Its worker would go on to apply what it had read.
        wait_for_worker_to_end(subscriber, found)
        create(subscriber, wanted, published, replaced=found)
    except BaseException:
        if found.enabled and catalog.subscription(subscriber, spec.name) == replace(found, enabled=False):
            _enable(subscriber, spec)
        raise
    tell_of_slot_left(spec, slot_names(spec.name, subscriber), found)


def drop_leftovers(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Drop the slots of ours that the subscription does not follow: what it followed before, what a killed run left.

    One that somebody else reads, such as a copy of this database, is left, with a warning.
    """
    found = catalog.subscription(subscriber, spec.name)
    for name in slot_names(spec.name, subscriber):
        if found is None or found.slot_name == name:
            continue
        try:
            drop_slot(spec.publisher, name)
        except ReplicationError as error:
            logger.warning("%s", error)


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


def _disable(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(spec.name)))


def _enable(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(sql.Identifier(spec.name)))


def drop(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Drop a subscription that has no slot."""
    execute(subscriber, sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(spec.name)))


def tell_of_slot_left(spec: SubscriptionSpec, ours: tuple[str, ...], found: catalog.Subscription) -> None:
    """Warn of the slot that the subscription followed, if it is not ours to drop and still there."""
    if found.slot_name in (None, *ours):
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
