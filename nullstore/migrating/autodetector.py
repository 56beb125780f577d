"""What makemigrations finds, cut so that `migrate` can put it in order."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.operations.base import Operation

from nullstore.databases import HOMES, USER_SYNC
from nullstore.migrating.changes import changes
from nullstore.migrating.rules import first_on
from nullstore.migrating.steps import APPS_OF_REPLICATED, replicated_tables


class SplittingAutodetector(MigrationAutodetector):
    """Puts what has to come first on the publisher into migrations behind those that come first on the subscriber.

    Django writes all changes of an app into one migration. A column that comes and one that goes have no common order.
    """

    migrations: dict[str, list[Migration]]

    def _build_migration_list(self, graph: Any = None) -> None:
        super()._build_migration_list(graph)  # type: ignore[misc]
        for label in APPS_OF_REPLICATED & set(self.migrations):
            self.migrations[label] = [part for each in self.migrations[label] for part in self._split(label, each)]

    def _split(self, label: str, migration: Migration) -> Iterator[Migration]:
        state = self.from_state.clone()
        now: list[Operation] = []
        later: list[Operation] = []
        for operation in migration.operations:
            alone = _migration("alone", label, [operation], [])
            made = changes(alone, state, replicated_tables(), connections[HOMES[label]])
            (later if any(first_on(change) == USER_SYNC.publisher for change in made) else now).append(operation)
            operation.state_forwards(label, state)
        if now and later:
            yield _migration(migration.name, label, now, migration.dependencies)
            yield _migration(f"{migration.name}_later", label, later, [])
        else:
            yield migration


def _migration(name: str, label: str, operations: list[Operation], dependencies: Sequence[Any]) -> Migration:
    content = {"operations": operations, "dependencies": list(dependencies)}
    made: Migration = type("Migration", (Migration,), content)(name, label)
    return made
