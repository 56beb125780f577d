"""The steps of a plan: one migration of one database each, with what it does to replication."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import OperationCategory

from nullstore.databases import HOMES, USER_SYNC
from nullstore.migrating.changes import Change, changes
from nullstore.replication.specs import PublicationSpec, SubscriptionSpec

#: The apps of the replicated models, by label.
APPS_OF_REPLICATED = frozenset(
    label.partition(".")[0] for model in USER_SYNC.models for label in (model.source, model.replica)
)


@dataclass(frozen=True, slots=True)
class Step:
    """A migration in the database of its app's home, forwards or backwards.

    `publications` and `subscriptions` say by name what it brings them to; None removes them. `follows` are the
    publications of those subscriptions.
    """

    alias: str
    migration: Migration
    backwards: bool
    changes: tuple[Change, ...]
    publications: Mapping[str, PublicationSpec | None]
    subscriptions: Mapping[str, SubscriptionSpec | None]
    follows: frozenset[str]

    @property
    def narrows(self) -> bool:
        """Tell whether rows on their way may not fit the table afterwards."""
        return any(change.narrows for change in self.changes)

    def __str__(self) -> str:
        return f"{self.migration.app_label}.{self.migration.name}"


def replicated_tables() -> tuple[str, ...]:
    """Return the names of the replicated tables; a table has the same name in both databases."""
    return tuple(apps.get_model(model.replica)._meta.db_table for model in USER_SYNC.models)


def steps(alias: str, plan: Iterable[tuple[Migration, bool]], loader: MigrationLoader) -> list[Step]:
    """Return the steps of Django's `plan` for `alias` that do something there, in order. Asks no database."""
    return [_step(alias, *each, loader) for each in plan if HOMES.get(each[0].app_label) == alias]


def _step(alias: str, migration: Migration, backwards: bool, loader: MigrationLoader) -> Step:
    found = _changes(alias, migration, loader)
    specs = [_specs(operation) for operation in migration.operations]
    if backwards:
        found = [change.reversed() for change in reversed(found)]
        specs = [(after, before) for before, after in reversed(specs)]
    touched = [pair for pair in specs if pair != (None, None)]
    return Step(
        alias,
        migration,
        backwards,
        tuple(found),
        {(before or after).name: after for before, after in touched if _is(PublicationSpec, before, after)},
        {(before or after).name: after for before, after in touched if _is(SubscriptionSpec, before, after)},
        frozenset(
            spec.publication for before, after in touched for spec in (before, after) if _is(SubscriptionSpec, spec)
        ),
    )


def _changes(alias: str, migration: Migration, loader: MigrationLoader) -> list[Change]:
    if migration.app_label not in APPS_OF_REPLICATED:
        return []
    state = loader.project_state((migration.app_label, migration.name), at_end=False)
    return changes(migration, state, replicated_tables(), connections[alias])


def _specs(operation: Any) -> tuple[Any, Any]:
    """Return what a replication operation declares before and after it; None for nothing."""
    declared = (PublicationSpec, SubscriptionSpec)
    if isinstance(getattr(operation, "after", None), declared):
        return operation.before, operation.after
    if not isinstance(getattr(operation, "spec", None), declared):
        return None, None
    return (operation.spec, None) if operation.category is OperationCategory.REMOVAL else (None, operation.spec)


def _is(kind: type, *specs: Any) -> bool:
    return any(isinstance(spec, kind) for spec in specs)
