"""Subscriptions: created on a slot that was made before, or altered to what is declared."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, conninfo, stamps
from nullstore.replication.connect import connect
from nullstore.replication.content import has_rows
from nullstore.replication.execute import execute, execute_secret
from nullstore.replication.lock import alone
from nullstore.replication.options import (
    SUBSCRIPTION_OPTIONS,
    clause,
    options_of_subscription,
    refuse_unknown,
    to_alter,
)
from nullstore.replication.renewal import (
    create,
    detach,
    drop,
    drop_leftovers,
    renew,
    tell_of_slot_left,
    wait_for_worker_to_end,
)
from nullstore.replication.slots import drop_slot, own_slot, slot_names
from nullstore.replication.specs import SubscriptionSpec

logger = logging.getLogger(__name__)

#: What differences() says of a subscription that stores another connection string.
CONNECTS_ELSEWHERE: Final = "its connection string is not the one that the settings make"


def ensure_subscription(
    subscriber: BaseDatabaseWrapper,
    spec: SubscriptionSpec,
    before: SubscriptionSpec | None = None,
    reset: Mapping[str, Any] | None = None,
    *,
    anew: bool = False,
    lineage: Sequence[str] = (),
) -> str | None:
    """Create the subscription and its slot, or bring an existing one to `spec`, which follows on `before`.

    `reset` are options that are no longer declared, with PostgreSQL's defaults; `anew` makes a new slot in any case;
    `lineage` are the digests of all declarations up to this one, for one that is made without its migrations. Returns
    why it was made anew on a new slot, "" if there was none before, None if there is one that goes on with its slot.
    Outside a transaction only. Leaves alone what a later declaration has altered. Raises ReplicationError if the
    publisher has no such publication, if the slot cannot be made, and for options that the server does not have.
    """
    made = _as_deployed(spec)
    refuse_unknown(f"Subscription {spec.name}", made.options, SUBSCRIPTION_OPTIONS, catalog.server_version(subscriber))
    with alone(subscriber.alias, spec.name):
        stamp = stamps.read(subscriber, "SUBSCRIPTION", spec.name)
        found = catalog.subscription(subscriber, spec.name)
        if found and stamp.supersedes(stamps.digest(spec), stamps.digest(before) if before else None):
            logger.info("Subscription %s: a later migration has altered it; left as it is", spec.name)
            return None
        published = _published(spec)
        reason = "" if found is None else "asked for" if anew else why_not_whole(subscriber, spec, found)
        if found is None:
            create(subscriber, made, published)
        elif reason:
            logger.info("Subscription %s: made anew on a new slot, after the rows are compared (%s)", spec.name, reason)
            renew(subscriber, made, found, published)
        else:
            _alter_to_match(subscriber, spec, found, {**(reset or {}), **made.options})
        drop_leftovers(subscriber, spec)
        _follow_tables(subscriber, spec, published.tables)
        _stamp(subscriber, spec, lineage or stamps.digests(before, spec), stamp)
    return reason


def _as_deployed(spec: SubscriptionSpec) -> SubscriptionSpec:
    """Return `spec` with what the settings add to it. Not for the stamp, which tells of migrations only."""
    return replace(spec, options={**spec.options, "failover": True}) if conf.failover_slot() else spec


def drop_subscription(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Drop the subscription, then its slot; the rows stay. Raises DatabaseUnavailable before it touches anything if the
    publisher does not answer, because its slot would stay and keep WAL for ever.
    """
    with alone(subscriber.alias, spec.name):
        connect(spec.publisher).close()
        ours = slot_names(spec.name, subscriber)
        found = catalog.subscription(subscriber, spec.name)
        if found is not None:
            with transaction.atomic(using=subscriber.alias):
                detach(subscriber, spec)
                drop(subscriber, spec)
            tell_of_slot_left(spec, ours, found)
        for slot in ours:
            drop_slot(spec.publisher, slot)


def differences(subscriber: catalog.Connection, spec: SubscriptionSpec) -> list[str]:
    """Say in what the subscription differs from `spec`, its slot and being disabled aside; [] if there is none."""
    found = catalog.subscription(subscriber, spec.name)
    if found is None:
        return []
    said = []
    if found.publications != (spec.publication,):
        said.append(f"it follows the publication {', '.join(found.publications)}, not {spec.publication}")
    if not connects_as_declared(subscriber, spec, found):
        said.append(CONNECTS_ELSEWHERE)
    settings = options_of_subscription(subscriber, found.oid)
    said += [f"{name} is {settings.get(name)}" for name in to_alter(_as_deployed(spec).options, settings)]
    return said


def _published(spec: SubscriptionSpec) -> catalog.Publication:
    # Asked for first: PostgreSQL only warns about a publication that is missing.
    published = catalog.publication(connections[spec.publisher], spec.publication)
    if published is None:
        raise ReplicationError(
            f"The database {spec.publisher} has no publication {spec.publication} to subscribe to. "
            f"Run first: manage.py migrate --database={spec.publisher}; if that has nothing to do, somebody "
            "dropped it: manage.py replication resync"
        )
    return published


def why_not_whole(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription) -> str | None:
    """Say why changes may have been lost, so that the subscription has to be made anew; None if nothing was lost.

    It is whole with our publication and our slot, if that can be followed from here.
    """
    return next(_flaws(subscriber, spec, found), None)


def _flaws(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription) -> Iterator[str]:
    slot = own_slot(spec.name, subscriber, found.slot_name)
    if found.slot_name != slot:
        yield f"it follows the slot {found.slot_name or 'NONE'}, and this database's is {slot}"
    # In this order: what is applied must have been written before, however fast it goes on.
    applied = catalog.progress(subscriber, spec.name) if catalog.may_ask_progress(subscriber) else None
    with connect(spec.publisher) as publisher:
        slot_found = catalog.slot(publisher, slot)
        written = catalog.insert_position(publisher)
    if slot_found is None:
        yield f"the slot {slot} is not on {spec.publisher}"
    elif not slot_found.usable:
        yield f"the slot {slot} on {spec.publisher} cannot be followed any more"
    elif not found.enabled and slot_found.active_pid and catalog.apply_worker_pid(subscriber, found.oid) is None:
        yield f"somebody else reads the slot {slot} on {spec.publisher} (walsender pid {slot_found.active_pid})"
    if found.publications != (spec.publication,):
        yield f"it follows the publication {', '.join(found.publications)}, not {spec.publication}"
    # A publisher that was rolled back has not written yet what the subscription has applied.
    if applied and applied.position is not None and applied.position > written:
        yield f"it has applied more than {spec.publisher} has written, which was restored or replaced"
    if new := _new_tables_with_rows(subscriber, spec, found):
        yield f"it does not follow {', '.join(new)}, which has rows"


def _new_tables_with_rows(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription
) -> list[str]:
    """Return the tables that a refresh would copy into rows: PostgreSQL's table sync loops on their keys."""
    new = _published(spec).tables - catalog.subscribed_tables(subscriber, found.oid)
    return [table for table in sorted(new) if has_rows(subscriber, table)]


def _follow_tables(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, tables: frozenset[str]) -> None:
    found = catalog.subscription(subscriber, spec.name)
    if found is None or not found.enabled or catalog.subscribed_tables(subscriber, found.oid) == tables:
        return
    # Runs in no transaction, and needs the subscription enabled to copy the tables that are new (and empty here).
    statement = sql.SQL("ALTER SUBSCRIPTION {} REFRESH PUBLICATION WITH (copy_data = true)")
    execute(subscriber, statement.format(sql.Identifier(spec.name)))
    logger.info("Subscription %s: now follows %s", spec.name, ", ".join(sorted(tables)))


def _alter_to_match(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription, options: Mapping[str, Any]
) -> None:
    altered = _alter_options(subscriber, spec, found, options)
    name = sql.Identifier(spec.name)
    if not connects_as_declared(subscriber, spec, found):
        connect_as_declared(subscriber, spec)
        altered.append("its connection")
    if not found.enabled:
        execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))
        altered.append("enabled")
    said = f"altered ({', '.join(altered)})" if altered else "as declared, nothing to change"
    logger.info("Subscription %s: %s", spec.name, said)


def connect_as_declared(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec) -> None:
    """Put the connection string that the settings make into the subscription; slot and position stay."""
    wanted = conninfo.subscription_conninfo(spec.publisher)
    statement = sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(sql.Identifier(spec.name), wanted)
    execute_secret(subscriber, statement, f"Altering the subscription {spec.name}")


def connects_as_declared(subscriber: catalog.Connection, spec: SubscriptionSpec, found: catalog.Subscription) -> bool:
    """Tell whether the subscription stores the connection string that the settings make, as far as can be seen."""
    stored = catalog.subscription_conninfo(subscriber, found.oid)
    # None: not for us to read, so not for us to compare.
    return stored is None or conninfo.same(stored, conninfo.subscription_conninfo(spec.publisher))


def _alter_options(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription, options: Mapping[str, Any]
) -> list[str]:
    """Alter the options that differ; return their names."""
    wanted = to_alter(options, options_of_subscription(subscriber, found.oid))
    version = catalog.server_version(subscriber)
    by_name = {option.name: option for option in SUBSCRIPTION_OPTIONS}
    for name in wanted:
        if by_name[name].altered_since > version:
            raise ReplicationError(
                f"Subscription {spec.name}: {name} can be altered from PostgreSQL {by_name[name].altered_since} on, "
                f"and the server is PostgreSQL {version}. It needs a new slot: manage.py replication resync --anew"
            )
    live = {name: value for name, value in wanted.items() if not by_name[name].stopped}
    if live:
        _set(subscriber, spec, live)
    stopped = {name: value for name, value in wanted.items() if by_name[name].stopped}
    if stopped:
        _set_while_disabled(subscriber, spec, found, stopped)
    return list(wanted)


def _set(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, options: Mapping[str, Any]) -> None:
    statement = f"ALTER SUBSCRIPTION {spec.name} SET ({clause(options)})"
    execute(subscriber, sql.SQL(statement))


def _set_while_disabled(
    subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription, options: Mapping[str, Any]
) -> None:
    name = sql.Identifier(spec.name)
    execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
    try:
        wait_for_worker_to_end(subscriber, found)
        for option, value in options.items():
            _set(subscriber, spec, {option: value})
    finally:
        if found.enabled:
            execute(subscriber, sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))


def _stamp(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, steps: Sequence[str], found: stamps.Stamp) -> None:
    stamp = found.then(steps)
    if stamp != stamps.read(subscriber, "SUBSCRIPTION", spec.name):
        execute(subscriber, stamps.statement(subscriber, "SUBSCRIPTION", spec.name, stamp))
