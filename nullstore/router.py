"""The routing rules, read from nullstore.databases.

Left out on purpose: a replica for reads (there is none) and hints of instances (an app lives in one database, so an
instance cannot know better). A model of an app without a home falls through to Django's `default`, which refuses.
"""

from typing import Any

from django.db.models import Model

from nullstore.databases import HOMES, SOURCE_OF_REPLICA
from nullstore.exceptions import ReplicaIsReadOnly

# As pairs, because _meta.label_lower is put together anew at each look and costs more than the rest of a decision.
_REPLICAS = frozenset(tuple(label.split(".")) for label in SOURCE_OF_REPLICA)


def refuse_replica_write(label: str) -> None:
    """Raise ReplicaIsReadOnly, naming the model to write, if `label` (lower case) is that of a replica."""
    source = SOURCE_OF_REPLICA.get(label)
    if source is not None:
        raise ReplicaIsReadOnly(
            f"{label} is a read-only copy kept by logical replication. Write {source} instead "
            f"(database {HOMES[source.partition('.')[0]]}); the change arrives here by itself."
        )


class HomeRouter:
    """Sends every app's models to the app's home, and refuses to write a replica."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias of the model's home."""
        return HOMES.get(model._meta.app_label)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias of the model's home; raise ReplicaIsReadOnly if the model is a replica."""
        options = model._meta
        if (options.app_label, options.model_name) in _REPLICAS:
            refuse_replica_write(options.label_lower)
        return HOMES.get(options.app_label)

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Allow relations inside one database only: PostgreSQL knows no others."""
        return HOMES.get(obj1._meta.app_label) == HOMES.get(obj2._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Allow every operation of an app, RunSQL and RunPython included, in the app's home only."""
        return HOMES.get(app_label) == db
