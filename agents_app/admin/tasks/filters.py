"""Filters of the list of tasks that no column says by itself. The indexes for them: agents_app.models.taskindexes."""

from typing import Any

from django.db.models import Q
from django.db.models.lookups import LessThan
from django.utils import timezone

from agents_app.models import Task
from agents_app.models.taskindexes import DUE, IS_FAILED, IS_INTERRUPTED, IS_OPEN, IS_WORKING
from nullstore.admin.lists.filters import Conditions, TimeWindow


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


class WhenFailed(TimeWindow):
    """`status_timestamp__within=day`: tasks that failed within a time. No index knows when other states began."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "when it failed"

    def read(self) -> Q | None:
        window = super().read()
        return IS_FAILED & window if window else None
