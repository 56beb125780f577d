"""How much an agent has to do, and how much it gets done. Nothing is counted beyond a bound."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connections, models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from agents_app.models import Task
from nullstore.databases import AGENTS

#: Up to how many tasks are counted: in one state, all open ones of an agent in the list, finished in one hour.
COUNTED: Final = 1_000
COUNTED_IN_LIST: Final = 1_000
COUNTED_IN_HOUR: Final = 500
#: How many hours the chart covers.
HOURS: Final = 24

_BY_STATE: Final = """
    SELECT state, (
        SELECT count(*) FROM (
            SELECT FROM tasks WHERE assigned_agent_id = %(agent)s AND status = state LIMIT %(most)s + 1
        ) AS counted
    )
    FROM unnest(%(states)s::text[]) AS state
"""
_BY_HOUR: Final = """
    SELECT begin, finished.* FROM unnest(%(begins)s::timestamptz[]) AS begin, LATERAL (
        SELECT count(*), count(*) FILTER (WHERE status = 'failed') FROM (
            SELECT status FROM tasks
            WHERE assigned_agent_id = %(agent)s AND completed_at >= begin AND completed_at < begin + interval '1 hour'
            LIMIT %(most)s + 1
        ) AS counted
    ) AS finished
    ORDER BY begin
"""


class BoundedCount(Subquery):
    """The number of rows of a subquery, which limits itself."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS bounded)"
    output_field = models.IntegerField()


def open_tasks() -> BoundedCount:
    """Return an annotation of agents: their open tasks, up to COUNTED_IN_LIST + 1."""
    mine = Task.objects.filter(assigned_agent=OuterRef("pk"), status__in=sorted(Task.OPEN)).order_by()
    return BoundedCount(mine.values("pk")[: COUNTED_IN_LIST + 1])


def at_most(count: int, most: int) -> str:
    """Return a number that was counted no further than `most` + 1, as text."""
    return f"{count:,}" if count <= most else f"more than {most:,}"


def by_state(agent_id: Any) -> dict[str, int]:
    """Return how many tasks the agent has in each state, up to COUNTED + 1."""
    given = {"agent": agent_id, "states": Task.Status.values, "most": COUNTED}
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(_BY_STATE, given)
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Hour:
    """What was finished in one hour, counted up to COUNTED_IN_HOUR + 1; `failed` are among `finished`."""

    begin: datetime
    finished: int
    failed: int

    def __str__(self) -> str:
        return at_most(self.finished, COUNTED_IN_HOUR)


def by_hour(agent_id: Any) -> list[Hour]:
    """Return the last HOURS hours, the present one last, with what the agent finished in each."""
    last = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begins = [last - timedelta(hours=back) for back in range(HOURS)]
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(_BY_HOUR, {"agent": agent_id, "begins": begins, "most": COUNTED_IN_HOUR})
        return [Hour(*row) for row in cursor.fetchall()]
