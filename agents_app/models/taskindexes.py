"""Indexes of tasks that the console's filters use, and the conditions of the partial ones, as filters must say them."""

from typing import Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce

from agents_app.models.taskstates import INTERRUPTED, OPEN, TaskStatus

#: Milliseconds that a task may be working if nobody estimated its duration.
USUAL_DURATION: Final = 3_600_000

# Lists, in a settled order: PostgreSQL recognizes the predicate, migrations compare it.
IS_OPEN: Final = Q(status__in=sorted(OPEN))
IS_INTERRUPTED: Final = Q(status__in=sorted(INTERRUPTED))
IS_WORKING: Final = Q(status=TaskStatus.WORKING.value)
IS_FAILED: Final = Q(status=TaskStatus.FAILED.value)
IS_FINISHED: Final = Q(completed_at__isnull=False)

# Numbers, not timestamps: an index must not be able to fail a write, and no duration is too long for numeric.
#: When a task that is working has taken as long as it may, in milliseconds since 1970.
DUE: Final = Func(
    F("status_timestamp"),
    template="(EXTRACT(EPOCH FROM %(expressions)s AT TIME ZONE 'UTC') * 1000)",
    output_field=models.DecimalField(),
) + Coalesce("estimated_duration", USUAL_DURATION)

# Each costs every write of a task. Left out: (task_type, status) and (priority, status), for each of their values has
# tasks in each state; whatever a wider index does as well.
CONSOLE_INDEXES: Final = [
    # One value of the column, in the order of the list, be it a value that few rows have, or none.
    models.Index(fields=["task_type", "created_at", "id"], name="tasks_type"),
    models.Index(fields=["category", "created_at", "id"], name="tasks_category"),
    models.Index(fields=["priority", "created_at", "id"], name="tasks_priority"),
    # A user's tasks. The state is compared without a look at the table: some services have tens of thousands.
    models.Index(fields=["user", "created_at", "id", "status"], name="tasks_user_status"),
    # An agent's tasks in one state, and their number: an agent may have a large part of all tasks.
    models.Index(fields=["assigned_agent", "status", "created_at", "id"], name="tasks_agent_status"),
    # What an agent finished within the last hours, and how.
    models.Index(
        fields=["assigned_agent", "completed_at"],
        include=["status"],
        condition=IS_FINISHED,
        name="tasks_agent_finished",
    ),
    # Open tasks are few, and all of them recent. The last columns are compared without a look at the table.
    models.Index(
        fields=["created_at", "id", "assigned_agent", "task_type", "priority"], condition=IS_OPEN, name="tasks_open"
    ),
    models.Index(fields=["created_at", "id"], condition=IS_INTERRUPTED, name="tasks_interrupted"),
    models.Index(DUE, condition=IS_WORKING, name="tasks_due"),
    # What failed within a time: how many, or all of a short one; and a page of a long one, whenever they were created.
    models.Index(fields=["status_timestamp", "id"], condition=IS_FAILED, name="tasks_failed"),
    models.Index(
        fields=["created_at", "id", "status_timestamp", "priority", "assigned_agent"],
        condition=IS_FAILED,
        name="tasks_failed_created",
    ),
    # The beginning of a name, which thousands of tasks may share: they are sorted without a look at the table. The
    # pattern class serves LIKE 'prefix%' in every collation.
    models.Index(
        fields=["name", "created_at", "id"],
        opclasses=["varchar_pattern_ops", "timestamptz_ops", "uuid_ops"],
        name="tasks_name",
    ),
]
