"""What a migration does to a replicated table, read from the states of its model before and after each operation."""

from dataclasses import dataclass, replace

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from nullstore.migrating.tables import Column, Table, declared_table
from nullstore.migrating.types import fits


@dataclass(frozen=True, slots=True)
class Change:
    """One operation's change of the table `name`, as declared `before` and `after`; None where it is not there."""

    name: str
    before: Table | None
    after: Table | None

    def reversed(self) -> "Change":
        return Change(self.name, self.after, self.before)

    def applied_to(self, live: Table | None) -> Table | None:
        """Return `live` with this change made, whatever else it has that the migrations do not know of."""
        if self.after is None:
            return None
        if live is None:
            # A new table is published by an operation of its own.
            return self.after.sending(())
        if self.before is None:
            # What exists when it is created is taken as it is: that is what --fake-initial does.
            return live
        columns = {name: column for name, column in live.columns.items() if name not in self.dropped}
        for name in self.added + self.altered:
            columns[name] = self._column(name, live)
        old, new = self._refusing
        return replace(live, columns=columns, refusing=(live.refusing - old) | new)

    def _column(self, name: str, live: Table) -> Column:
        assert self.after is not None
        column, found = self.after.columns[name], live.columns.get(name)
        return replace(column, sent=not column.generated and (found.sent if found else not live.narrowed))

    @property
    def _refusing(self) -> tuple[frozenset[str], frozenset[str]]:
        old = self.before.refusing if self.before else frozenset()
        new = self.after.refusing if self.after else frozenset()
        return old - new, new - old

    @property
    def added(self) -> list[str]:
        """The columns that come."""
        return [name for name in self._after if name not in self._before]

    @property
    def dropped(self) -> list[str]:
        """The columns that go."""
        return [name for name in self._before if name not in self._after]

    @property
    def altered(self) -> list[str]:
        """The columns that are another type, nullable or not, or filled or not, afterwards."""
        return [name for name in self._after if name in self._before and self._after[name] != self._before[name]]

    @property
    def narrows(self) -> bool:
        """Tell whether rows that fitted the table may not fit it afterwards. Such rows may be on their way."""
        return bool(self.dropped) or any(
            (self._after[name].not_null and not self._before[name].not_null)
            or not fits(self._before[name].type, self._after[name].type)
            for name in self.altered
        )

    @property
    def _before(self) -> dict[str, Column]:
        return dict(self.before.columns) if self.before else {}

    @property
    def _after(self) -> dict[str, Column]:
        return dict(self.after.columns) if self.after else {}


def changes(
    migration: Migration, before: ProjectState, names: tuple[str, ...], connection: BaseDatabaseWrapper
) -> list[Change]:
    """Return how `migration`, on the state `before`, changes the tables `names`, operation by operation."""
    found: list[Change] = []
    state = before.clone()
    for operation in migration.operations:
        in_database = state.clone()
        for each in _on_the_database(operation):
            old = _declared(in_database, migration.app_label, names, connection)
            each.state_forwards(migration.app_label, in_database)
            new = _declared(in_database, migration.app_label, names, connection)
            found += [Change(name, old[name], new[name]) for name in names if old[name] != new[name]]
        operation.state_forwards(migration.app_label, state)
    return found


def _on_the_database(operation: Operation) -> list[Operation]:
    return list(operation.database_operations) if isinstance(operation, SeparateDatabaseAndState) else [operation]


def _declared(
    state: ProjectState, app_label: str, names: tuple[str, ...], connection: BaseDatabaseWrapper
) -> dict[str, Table | None]:
    models = {_table(model): model for (label, _), model in state.models.items() if label == app_label}
    return {name: declared_table(models[name], name, connection) if name in models else None for name in names}


def _table(model: ModelState) -> str | None:
    if model.options.get("proxy") or not model.options.get("managed", True):
        return None
    return str(model.options.get("db_table") or f"{model.app_label}_{model.name_lower}")
