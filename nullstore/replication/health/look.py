"""The looks at both ends: from connections to facts."""

from collections.abc import Iterable
from functools import partial

import psycopg

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, publications, subscriptions
from nullstore.replication.catalog import ErrorCounts, WorkerLimits
from nullstore.replication.health.ends import End, place
from nullstore.replication.health.expected import Expected
from nullstore.replication.health.facts import PublisherFacts, ReplicaTable, SubscriberFacts
from nullstore.replication.health.verdict import Unseen
from nullstore.replication.lock import lock_key
from nullstore.replication.options import options_of_subscription
from nullstore.replication.slots import slot_names

_PROGRESS = "pg_replication_origin_progress(text, boolean)"


def look_at_publisher(end: End, expected: Expected) -> PublisherFacts:
    """Return what the publisher says of itself. Raises psycopg.OperationalError if it is gone."""
    ask, name, tables = end.ask, USER_SYNC.publication, expected.tables
    return PublisherFacts(
        place=place(end.alias),
        server_version=catalog.server_version(end.connection),
        wal_level=catalog.wal_level(end.connection),
        position=catalog.insert_position(end.connection),
        limits=catalog.slot_limits(end.connection),
        slots=catalog.slot_states(end.connection, name),
        readers=catalog.readers(end.connection),
        publication=catalog.publication(end.connection, name),
        differences=_publication_differences(end, expected),
        columns={table: ask(f"columns of {table}", partial(catalog.columns, table=table), ()) for table in tables},
        sent_columns={table: catalog.published_columns(end.connection, name, table) for table in tables},
        keys={table: catalog.key(end.connection, table) for table in tables},
        triggers={table: catalog.triggers(end.connection, table) for table in tables},
        migrations_pending=_pending(end, expected),
    )


def look_at_subscriber(end: End, expected: Expected) -> SubscriberFacts:
    """Return what the subscriber says of itself. Raises psycopg.OperationalError if it is gone."""
    connection, name = end.connection, USER_SYNC.subscription
    found = catalog.subscription(connection, name)
    oid = found.oid if found else 0
    workers = catalog.workers(connection, oid)
    return SubscriberFacts(
        place=place(end.alias),
        server_version=catalog.server_version(connection),
        system_identifier=catalog.system_identifier(connection),
        slot_names=slot_names(name, connection),
        subscription=found,
        options=end.ask("the options of the subscription", lambda c: options_of_subscription(c, oid), {})
        if oid
        else {},
        differences=_subscription_differences(end, expected, oid),
        applied=applied_position(end, oid, workers) if found else None,
        workers=workers,
        limits=end.ask("limits of workers", catalog.worker_limits, WorkerLimits(0, 0, 5.0)),
        errors=end.ask("counters of errors", partial(catalog.error_counts, oid=oid), ErrorCounts(0, 0, {})),
        tables=catalog.table_states(connection, oid),
        followed_slots=catalog.followed_slots(connection),
        replicas={table: _replica(connection, table) for table in expected.tables},
        replica_mode=catalog.replica_mode(connection),
        at_work=catalog.lock_holder(connection, lock_key(name)),
        migrations_pending=_pending(end, expected),
    )


def applied_position(end: End, oid: int, workers: Iterable[catalog.Worker]) -> int | None:
    """Return the position up to which the subscription has applied, the best of what the role may ask for."""
    known = [worker.reported for worker in workers if worker.table is None]
    if end.may_ask_progress:
        known.append(catalog.origin_position(end.connection, oid))
    return max((position for position in known if position is not None), default=None)


def hidden(end: End, found: SubscriberFacts) -> Iterable[Unseen]:
    """Yield what the role at the subscriber may not see, though no query failed for it."""
    if not end.may_ask_progress:
        yield Unseen(
            "the position that is applied; the one that the worker reports may stand still though all is applied",
            f"{end.role} may not ask {end.alias} for it",
            f"{end.alias}: GRANT EXECUTE ON FUNCTION {_PROGRESS} TO {end.role}",
        )
    if found.subscription and catalog.subscription_conninfo(end.connection, found.subscription.oid) is None:
        yield Unseen(
            "the connection string that the subscription stores", f"{end.role} is no superuser on {end.alias}", ""
        )


def _publication_differences(end: End, expected: Expected) -> tuple[str, ...]:
    spec = expected.declared.publication
    if spec is None:
        return ()
    try:
        return tuple(end.ask("the publication", lambda connection: publications.differences(connection, spec), []))
    except ReplicationError as error:
        return (str(error),)


def _subscription_differences(end: End, expected: Expected, oid: int) -> tuple[str, ...]:
    spec = expected.declared.subscription
    if spec is None or not oid:
        return ()
    return tuple(
        end.ask(
            "the options of the subscription",
            lambda connection: subscriptions.differences(connection, spec),
            [],
        )
    )


def _replica(connection: psycopg.Connection, table: str) -> ReplicaTable:
    return ReplicaTable(
        catalog.columns(connection, table),
        catalog.refusing_constraints(connection, table),
        catalog.triggers(connection, table),
        catalog.schemas(connection, table),
        catalog.key(connection, table),
        catalog.computing_indexes(connection, table),
        catalog.denied(connection, table) if catalog.server_version(connection) >= 16 else (),
        catalog.owner(connection, table),
    )


def _pending(end: End, expected: Expected) -> tuple[str, ...] | None:
    """Return the migrations on disk that are at home in this database and not applied, as app.name."""
    grant = f"{end.alias}: GRANT SELECT ON public.django_migrations TO {end.role}"
    applied = end.ask(f"the migrations applied in {end.alias}", catalog.applied_migrations, None, grant)
    if applied is None:
        return None
    return expected.pending(end.alias, applied)
