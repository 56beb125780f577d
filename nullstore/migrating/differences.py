"""In what the two copies of a replicated table, and the models that stand for them, differ."""

from collections.abc import Iterator, Mapping

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState

from nullstore.databases import ALIASES, USER_SYNC
from nullstore.migrating.rules import problems
from nullstore.migrating.start import is_linked, live_start
from nullstore.migrating.tables import Column, Table, declared_table

_SOURCE, _REPLICA = USER_SYNC.publisher, USER_SYNC.subscriber


def differences() -> list[str]:
    """Return sentences; [] if all agree, and while nothing replicates yet.

    What only waits for a migration is no difference, unless it stops apply now.
    """
    if not is_linked():
        return []
    live = live_start(linked=True)
    stopping = [
        problem.text
        for name in live.source
        for problem in problems(live.source[name], live.replica[name], binary=live.binary)
    ]
    if stopping or _pending():
        return stopping
    return [each for name in live.source for each in _unequal(live.source[name], live.replica[name])]


def _pending() -> bool:
    executors = [MigrationExecutor(connections[alias]) for alias in ALIASES]
    return any(executor.migration_plan(executor.loader.graph.leaf_nodes()) for executor in executors)


def _unequal(source: Table | None, replica: Table | None) -> Iterator[str]:
    if source is None or replica is None:
        return
    for pair in USER_SYNC.models:
        yield from _from_model(pair.source, _SOURCE, source)
        yield from _from_model(pair.replica, _REPLICA, replica)
    sent = {name: column for name, column in source.columns.items() if column.sent}
    kept = {name: column for name, column in replica.columns.items() if not column.generated}
    yield from _columns(source.name, f"the publication {USER_SYNC.publication}", sent, _REPLICA, kept)


def _from_model(label: str, alias: str, table: Table) -> Iterator[str]:
    model = apps.get_model(label)
    if model._meta.db_table == table.name:
        declared = declared_table(ModelState.from_model(model), table.name, connections[alias])
        yield from _columns(table.name, f"the model {label}", declared.columns, alias, table.columns)


def _columns(
    table: str, here: str, ours: Mapping[str, Column], there: str, theirs: Mapping[str, Column]
) -> Iterator[str]:
    for name in sorted(ours.keys() ^ theirs.keys()):
        has, lacks = (here, there) if name in ours else (there, here)
        yield f"{table}.{name}: {has} has it and {lacks} does not"
    for name in sorted(ours.keys() & theirs.keys()):
        if (ours[name].type, ours[name].not_null) != (theirs[name].type, theirs[name].not_null):
            yield f"{table}.{name}: {_said(ours[name])} in {here}, {_said(theirs[name])} in {there}"


def _said(column: Column) -> str:
    return f"{column.type}{' NOT NULL' if column.not_null else ''}"
