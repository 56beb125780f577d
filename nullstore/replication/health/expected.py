"""What ought to be, read from the migrations on disk, once for each look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation

from nullstore.databases import HOMES, USER_SYNC
from nullstore.replication.declared import Declared, declared
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreatePublication,
    CreateSubscription,
    GuardReplica,
)
from nullstore.triggers import TriggerOperation

_TABLE: Final = frozenset({"columns_differ", "replica_constraint", "replica_missing", "replica_key"})


@dataclass(frozen=True, slots=True)
class Expected:
    """`migrations` has, for each migration on disk as (app, name), those that it replaces; `explains`
    the codes of the problems that a migration mends.
    """

    declared: Declared
    migrations: Mapping[tuple[str, str], frozenset[tuple[str, str]]]
    explains: Mapping[str, frozenset[str]]

    @property
    def tables(self) -> list[str]:
        """The tables that are replicated."""
        return sorted(self.declared.publication.table_names) if self.declared.publication else []

    def pending(self, alias: str, applied: frozenset[tuple[str, str]]) -> tuple[str, ...]:
        """Return the migrations, as app.name, that are at home in the database `alias` and not applied there."""
        return tuple(
            f"{app}.{name}"
            for (app, name), replaces in sorted(self.migrations.items())
            if HOMES.get(app) == alias and (app, name) not in applied and not (replaces and replaces <= applied)
        )


def expected() -> Expected:
    """Read the migrations on disk. Asks no database."""
    nodes = MigrationLoader(None).graph.nodes
    return Expected(
        declared(),
        {key: frozenset(migration.replaces) for key, migration in nodes.items()},
        {".".join(key): _explained(key[0], migration.operations) for key, migration in nodes.items()},
    )


def _explained(app_label: str, operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset[str]().union(*(_explains(app_label, operation) for operation in operations))


def _explains(app_label: str, operation: Operation) -> frozenset[str]:
    """Return the codes of what is wrong while the operation has not run; nothing if it touches no replicated table."""
    match operation:
        case SeparateDatabaseAndState():
            return _explained(app_label, operation.database_operations)
        case CreatePublication() | AlterPublication() if _name(operation) == USER_SYNC.publication:
            return frozenset({"publication_missing", "publication_differs", "table_not_subscribed"})
        case CreateSubscription() | AlterSubscription() if _name(operation) == USER_SYNC.subscription:
            return frozenset({"subscription_missing", "subscription_differs", "table_not_subscribed"})
        case TriggerOperation() if operation.table in _tables(app_label):
            return _trigger(operation)
        case ModelOperation() | FieldOperation() | IndexOperation() if _models(operation) & _replicated(app_label):
            return _TABLE
        case _:
            return frozenset()


def _trigger(operation: TriggerOperation) -> frozenset[str]:
    if operation.category is OperationCategory.REMOVAL:
        return frozenset({"trigger_foreign"})
    kind = "guard" if isinstance(operation, GuardReplica) else "trigger"
    return frozenset({f"{kind}_missing", f"{kind}_differs"})


def _name(operation: Any) -> str:
    return str((operation.after if hasattr(operation, "after") else operation.spec).name)


def _models(operation: Any) -> set[str]:
    """Return the models that the operation names, in lower case."""
    if isinstance(operation, ModelOperation):
        return {operation.name_lower, getattr(operation, "new_name", operation.name).lower()}
    return {operation.model_name.lower()}


def _replicated(app_label: str) -> set[str]:
    labels = (label.lower().split(".") for pair in USER_SYNC.models for label in (pair.source, pair.replica))
    return {name for app, name in labels if app == app_label}


def _tables(app_label: str) -> set[str]:
    return {apps.get_model(app_label, name)._meta.db_table for name in _replicated(app_label)}
