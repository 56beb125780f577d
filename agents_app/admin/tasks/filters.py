"""Filters of the list of tasks that no column says by itself. The indexes for them: agents_app.models.taskindexes."""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.db.models.lookups import LessThan
from django.utils import timezone

from agents_app.models import Agent, Task, UserReference
from agents_app.models.taskindexes import DUE, IS_FAILED, IS_INTERRUPTED, IS_OPEN, IS_WORKING
from nullstore.admin.lists.filters import Conditions, ForeignId, TimeWindow

#: How many agents, or users, of one name are looked for: names are unique by type, and by network.
NAMESAKES: Final = 100


def _too_long() -> Q:
    """Working for longer than estimated, or than an hour if nobody estimated it."""
    # A number in the statement: PostgreSQL then knows from its statistics how many there are.
    return IS_WORKING & Q(LessThan(DUE, int(timezone.now().timestamp() * 1000)))


class Progressing(Conditions):
    """Which of the sets of states, and whether it takes too long."""

    title = "how it goes"
    parameter_name = "state"
    conditions = {
        "open": ("Open: not final", lambda: IS_OPEN),
        "interrupted": ("Interrupted: waits for a person", lambda: IS_INTERRUPTED),
        "late": ("Running too long", _too_long),
        "final": ("Final", lambda: Q(status__in=sorted(Task.TERMINAL))),
    }


class Named(ForeignId):
    """Base: the whole id of another row, or exactly its name: then all rows of that name are looked up first.

    Tasks are compared with the ids: a join would keep PostgreSQL from their indexes.
    """

    #: The other table, and its column, which has an index.
    model: type[Model]
    column: str
    called: str

    def matching(self, value: str) -> Q:
        try:
            return super().matching(value)
        except ValidationError:
            keys = self._keys(value)
        if not keys:
            raise ValidationError(f"“{value[:100]}” is neither a whole id nor {self.called}.")
        if len(keys) > NAMESAKES:
            raise ValidationError(f"“{value[:100]}” stands for more than {NAMESAKES} rows: give an id.")
        return Q((f"{self.field_path}__in", keys))

    def _keys(self, name: str) -> list[Any]:
        rows = self.model._default_manager.filter(**{self.column: name})
        return list(rows.order_by().values_list("pk", flat=True)[: NAMESAKES + 1])


class OfAgent(Named):
    """`assigned_agent=...`"""

    hint = "A whole id, or an agent's exact name."
    model, column, called = Agent, "name", "the exact name of an agent"


class OfUser(Named):
    """`user=...`; of users that the replica does not have only the id is known."""

    hint = "A whole id, or an exact source identifier."
    model, column = UserReference, "source_identifier"
    called = "the exact source identifier of a user in this database"


class WhenFailed(TimeWindow):
    """`status_timestamp__within=day`: tasks that failed within a time. No index knows when other states began."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "when it failed"

    def read(self) -> Q | None:
        window = super().read()
        return IS_FAILED & window if window else None
