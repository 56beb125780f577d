"""Indexes of tasks that the console's filters use; agents_app.models.taskindexes says which needs which."""

from django.db import migrations, models
from django.db.models import F, Func, Index, Q
from django.db.models.functions import Coalesce

from nullstore.indexes import AddIndexOnline, RemoveIndexOnline

OPEN = Q(status__in=["auth-required", "input-required", "submitted", "unknown", "working"])
INTERRUPTED = Q(status__in=["auth-required", "input-required"])
SINCE = Func(
    F("status_timestamp"),
    template="(EXTRACT(EPOCH FROM %(expressions)s AT TIME ZONE 'UTC') * 1000)",
    output_field=models.DecimalField(),
)

INDEXES = [
    Index(fields=["task_type", "created_at", "id"], name="tasks_type"),
    Index(fields=["category", "created_at", "id"], name="tasks_category"),
    Index(fields=["priority", "created_at", "id"], name="tasks_priority"),
    Index(fields=["user", "created_at", "id", "status"], name="tasks_user_status"),
    Index(fields=["assigned_agent", "status", "created_at", "id"], name="tasks_agent_status"),
    Index(
        fields=["assigned_agent", "completed_at"],
        include=["status"],
        condition=Q(completed_at__isnull=False),
        name="tasks_agent_finished",
    ),
    Index(fields=["created_at", "id", "assigned_agent", "task_type", "priority"], condition=OPEN, name="tasks_open"),
    Index(fields=["created_at", "id"], condition=INTERRUPTED, name="tasks_interrupted"),
    Index(SINCE + Coalesce("estimated_duration", 3_600_000), condition=Q(status="working"), name="tasks_due"),
    Index(fields=["status_timestamp", "id"], condition=Q(status="failed"), name="tasks_failed"),
    Index(
        fields=["created_at", "id", "status_timestamp", "priority", "assigned_agent"],
        condition=Q(status="failed"),
        name="tasks_failed_created",
    ),
    Index(
        fields=["name", "created_at", "id"],
        opclasses=["varchar_pattern_ops", "timestamptz_ops", "uuid_ops"],
        name="tasks_name",
    ),
]


class Migration(migrations.Migration):
    # CONCURRENTLY: tasks is large, and services write it meanwhile.
    atomic = False

    dependencies = [("agents_app", "0005_replication")]

    # tasks_user_status does what tasks_user did: a user's tasks are never without an index.
    operations = [
        *(AddIndexOnline("task", index) for index in INDEXES),
        RemoveIndexOnline("task", "tasks_user"),
    ]
