"""What ought to be, read from the migrations on disk, once for each look."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import ModelOperation

from nullstore.databases import HOMES
from nullstore.replication.declared import Declared, declared
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreatePublication,
    CreateSubscription,
    GuardReplica,
)
from nullstore.triggers import TriggerOperation


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
        {
            ".".join(key): frozenset[str]().union(*map(_explains, migration.operations))
            for key, migration in nodes.items()
        },
    )


def _explains(operation: Operation) -> frozenset[str]:
    """Return the codes of what is wrong while the operation has not run."""
    match operation:
        case CreatePublication() | AlterPublication():
            return frozenset({"publication_missing", "publication_differs", "table_not_subscribed"})
        case CreateSubscription() | AlterSubscription():
            return frozenset({"subscription_missing", "subscription_differs", "table_not_subscribed"})
        case GuardReplica():
            return frozenset({"guard_missing", "guard_differs"})
        case TriggerOperation():
            return frozenset({"trigger_missing", "trigger_differs"})
        case ModelOperation() | FieldOperation():
            return frozenset({"columns_differ", "replica_constraint"})
        case _:
            return frozenset()
