"""Problems of the replica as a table: columns, constraints, triggers."""

from collections.abc import Iterator, Mapping

from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.replication import catalog
from nullstore.replication.catalog import Column
from nullstore.replication.health.expected import Expected
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem
from nullstore.replication.operations import GuardReplica
from nullstore.triggers import TriggerOperation

_ENABLED = {"ORIGIN": "O", "ALWAYS": "A", "REPLICA": "R", "DISABLED": "D"}
_SAID = {"O": "not for replicated rows", "A": "always", "R": "for replicated rows only", "D": "never"}
_BY_HAND = "Somebody changed the table by hand."


def columns(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """columns_differ."""
    for table, source in publisher.columns.items():
        sent = {c.name: c for c in source if c.name in publisher.sent_columns.get(table, ())}
        here = {c.name: c for c in subscriber.replicas[table].columns} if table in subscriber.replicas else {}
        if sent and here:
            for seen, change in _differing(table, sent, here):
                yield Problem("columns_differ", seen, _BY_HAND, f"{USER_SYNC.subscriber}: {change}")


def _differing(table: str, sent: Mapping[str, Column], here: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    alter = f"ALTER TABLE public.{table}"
    for name, column in sent.items():
        quoted = sql.Identifier(name).as_string()
        found = here.get(name)
        if found is None:
            add = f"{alter} ADD COLUMN {quoted} {column.type}"
            yield f"The replica {table} has no column {name}", f"{add}; then {RESYNC}"
            continue
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
        if name not in sent and not column.filled:
            yield (
                f"{table}.{name} of the replica wants a value, and the source sends none",
                f"{alter} ALTER COLUMN {sql.Identifier(name).as_string()} DROP NOT NULL",
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


def triggers(subscriber: SubscriberFacts, expected: Expected) -> Iterator[Problem]:
    """guard_missing, guard_disabled, guard_differs, trigger_missing and trigger_differs."""
    for wanted in expected.declared.triggers:
        replica = subscriber.replicas.get(wanted.table)
        if replica is None or not replica.columns:
            continue
        found = next((trigger for trigger in replica.triggers if trigger.name == wanted.name), None)
        yield from _trigger(wanted, found)


def _trigger(wanted: TriggerOperation, found: catalog.Trigger | None) -> Iterator[Problem]:
    is_guard = isinstance(wanted, GuardReplica)
    kind, means = (
        ("guard", f"Anybody with the rights could write {wanted.table}; resync compares its rows, too.")
        if is_guard
        else ("trigger", "Tasks do not follow what happens to their users.")
    )
    what = f"The trigger {wanted.name} on {USER_SYNC.subscriber}.{wanted.table}"
    if found is None:
        yield Problem(f"{kind}_missing", f"{what} is not there", f"Somebody dropped it. {means}", RESYNC)
    elif found.enabled != _ENABLED[wanted.enable]:
        code = "guard_disabled" if is_guard else "trigger_missing"
        fires = f"{what} fires {_SAID[found.enabled]} (tgenabled {found.enabled})"
        yield Problem(code, fires, f"Somebody altered it. {means}", RESYNC)
    elif found.body.strip() != wanted.body.strip():
        other = f"{what} runs another function than declared"
        yield Problem(f"{kind}_differs", other, f"Somebody replaced it. {means}", RESYNC)
