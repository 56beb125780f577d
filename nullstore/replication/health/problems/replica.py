"""Problems of the replica and its source as tables: that they are there, columns, keys, constraints."""

from collections.abc import Collection, Iterator, Mapping

from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import Column
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem
from nullstore.replication.unfit import finds_rows

_NO_TABLE = (
    "restore {alias} from a backup, or make the table as `manage.py sqlmigrate {app} 0001_initial` shows, then "
    "manage.py replication resync"
)
_BY_HAND = "Somebody changed the table by hand."


def columns(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """columns_differ."""
    for table, source in publisher.columns.items():
        sent = {c.name: c for c in source if c.name in publisher.sent_columns.get(table, ())}
        here = {c.name: c for c in subscriber.replicas[table].columns} if table in subscriber.replicas else {}
        if sent and here:
            kept = {c.name for c in source} - sent.keys() if publisher.differences else set()
            for seen, change in _differing(table, sent, here, kept):
                yield Problem("columns_differ", seen, _BY_HAND, f"{USER_SYNC.subscriber}: {change}")


def _differing(
    table: str, sent: Mapping[str, Column], here: Mapping[str, Column], kept: Collection[str]
) -> Iterator[tuple[str, str]]:
    """`kept` are the columns that the source has and only a publication altered by hand does not send."""
    alter = f"ALTER TABLE public.{table}"
    for name, column in sent.items():
        quoted = sql.Identifier(name).as_string()
        found = here.get(name)
        if found is None:
            add = f"{alter} ADD COLUMN {quoted} {column.type}"
            yield f"The replica {table} has no column {name}", f"{add}; then {RESYNC}"
            continue
        if found.generated:
            yield f"{table}.{name} is GENERATED in the replica", f"{_plain(alter, column, found)}; then {RESYNC}"
        if found.type != column.type:
            yield (
                f"{table}.{name} is {found.type} in the replica and {column.type} in the source",
                f"{alter} ALTER COLUMN {quoted} TYPE {column.type} USING {quoted}::{column.type}",
            )
        if found.not_null and not column.not_null:
            yield (
                f"{table}.{name} is NOT NULL in the replica only",
                f"{alter} ALTER COLUMN {quoted} DROP NOT NULL",
            )
    for name, column in here.items():
        if name not in sent and name not in kept and not column.filled:
            yield (
                f"{table}.{name} of the replica wants a value, and the source sends none",
                f"{alter} ALTER COLUMN {sql.Identifier(name).as_string()} DROP NOT NULL",
            )


def _plain(alter: str, column: Column, found: Column) -> str:
    """Return what makes a column plain again; PostgreSQL cannot do so with one that is virtual."""
    quoted = sql.Identifier(column.name).as_string()
    if found.generated == "v":
        return f"{alter} DROP COLUMN {quoted}, ADD COLUMN {quoted} {column.type}"
    return f"{alter} ALTER COLUMN {quoted} DROP EXPRESSION"


def missing(subscriber: SubscriberFacts) -> Iterator[Problem]:
    """replica_missing."""
    alias = USER_SYNC.subscriber
    for table, replica in subscriber.replicas.items():
        if "public" in replica.schemas:
            continue
        elsewhere = replica.schemas[0] if replica.schemas else None
        yield Problem(
            "replica_missing",
            f"{alias} has no table public.{table}" + (f", but {elsewhere}.{table}" if elsewhere else ""),
            "Somebody moved it to another schema." if elsewhere else "Somebody dropped it.",
            f"{alias}: ALTER TABLE {elsewhere}.{table} SET SCHEMA public"
            if elsewhere
            else _NO_TABLE.format(alias=alias, app=USER_SYNC.models[0].replica.partition(".")[0]),
        )


def identities(publisher: PublisherFacts) -> Iterator[Problem]:
    """replica_identity."""
    alias = USER_SYNC.publisher
    for table, key in publisher.keys.items():
        if key is None or key.kind == "f" or key.identity:
            continue
        add = "" if key.primary else "ADD PRIMARY KEY (id), "
        yield Problem(
            "replica_identity",
            f"The source {alias}.{table} has no replica identity: updates and deletes of it are refused",
            _BY_HAND,
            f"{alias}: ALTER TABLE public.{table} {add}REPLICA IDENTITY DEFAULT",
        )


def keys(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """replica_key."""
    for table, replica in subscriber.replicas.items():
        source = publisher.keys.get(table)
        if source is None or replica.key is None or finds_rows(source, replica.key):
            continue
        drop = f"DROP CONSTRAINT {replica.key.constraint}, " if replica.key.constraint else ""
        columns = ", ".join(source.primary or sorted(source.identity) or ["id"])
        has = f"the primary key ({', '.join(replica.key.primary)})" if drop else "no primary key"
        yield Problem(
            "replica_key",
            f"The replica {table} has {has}: updates and deletes stop apply",
            _BY_HAND,
            f"{USER_SYNC.subscriber}: ALTER TABLE public.{table} {drop}ADD PRIMARY KEY ({columns})",
        )


def constraints(subscriber: SubscriberFacts) -> Iterator[Problem]:
    """replica_constraint."""
    for table, replica in subscriber.replicas.items():
        for constraint in replica.constraints:
            yield Problem(
                "replica_constraint",
                f"The replica {table} has {constraint.name}: {constraint.definition}",
                f"{_BY_HAND} A replica needs its primary key only; all else can stop apply.",
                f"{USER_SYNC.subscriber}: {constraint.drop}",
            )
