"""The base of replica models: reading is as usual, writing is refused before it reaches the database.

The router alone cannot refuse: `save(using=...)` and `.using(...).update()` never ask it.
"""

from typing import Any, NoReturn

from django.db import models

from nullstore.router import refuse_replica_write


class ReplicaQuerySet(models.QuerySet):
    """A queryset of which every method that writes raises ReplicaIsReadOnly, its async twin included."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_replica_write(self.model._meta.label_lower)
        raise AssertionError(f"{self.model._meta.label} is not declared in nullstore.databases as a replica")

    create = bulk_create = get_or_create = update_or_create = _refuse
    update = bulk_update = delete = _insert = _update = _raw_delete = _refuse
    _refuse.alters_data = True  # type: ignore[attr-defined]


class ReplicaModel(models.Model):
    """Abstract base of a model that is declared as a replica in nullstore.databases."""

    objects = ReplicaQuerySet.as_manager()

    class Meta:
        abstract = True
        # save() and fixtures, which call Model.save_base() past any override, write through the base manager.
        base_manager_name = "objects"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ReplicaIsReadOnly."""
        ReplicaQuerySet(type(self))._refuse()
