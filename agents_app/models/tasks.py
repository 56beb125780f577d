"""A2A tasks and the dated history of their states.

What a task may become is kept by triggers (migration 0002), whoever writes.
"""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models

from agents_app.models.agents import Agent
from agents_app.models.taskindexes import CONSOLE_INDEXES
from agents_app.models.taskstates import INTERRUPTED, OPEN, RETRYABLE, TERMINAL, TaskPriority, TaskStatus
from agents_app.models.users import UserReference
from nullstore.constraints import DatabaseForeignKey
from nullstore.fields import Document


class Task(models.Model):
    """One task of an agent for a user. Durations are milliseconds."""

    Status = TaskStatus
    Priority = TaskPriority
    TERMINAL = TERMINAL
    INTERRUPTED = INTERRUPTED
    OPEN = OPEN
    RETRYABLE = RETRYABLE

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    context_id = models.UUIDField(
        "context", default=uuid.uuid4, db_default=RandomUUID(), help_text="Groups the tasks of one conversation."
    )
    kind = models.CharField(max_length=20, default="task", db_default="task")
    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)
    task_type = models.CharField("type", max_length=100, default="generic", db_default="generic")
    category = models.CharField(max_length=100, default="user_assigned", db_default="user_assigned")
    priority = models.CharField(
        max_length=20, choices=TaskPriority, default=TaskPriority.MEDIUM, db_default=TaskPriority.MEDIUM.value
    )
    status = models.CharField(
        max_length=32, choices=TaskStatus, default=TaskStatus.SUBMITTED, db_default=TaskStatus.SUBMITTED.value
    )
    status_message = models.TextField(null=True, blank=True)
    status_timestamp = models.DateTimeField("in this status since", db_default=TransactionNow(), editable=False)
    history = Document(
        default=list, blank=True, db_default=models.Value([], models.JSONField()), help_text="A2A messages."
    )
    artifacts = Document(
        default=list, blank=True, db_default=models.Value([], models.JSONField()), help_text="A2A artifacts."
    )
    metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    context = Document("context data", default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    parameters = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    outcome = Document(null=True, blank=True)
    logs = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    sub_tasks = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    dependencies = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    triggers = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    required_capabilities = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    # No foreign key in the database: apply deletes users past it, which breaks dumps and published TRUNCATEs.
    user = models.ForeignKey(
        UserReference,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="tasks",
    )
    assigned_agent = models.ForeignKey(
        Agent,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="tasks",
    )
    progress = models.SmallIntegerField(default=0, db_default=0, help_text="Percent, 0 to 100.")
    estimated_duration = models.BigIntegerField(null=True, blank=True, help_text="Milliseconds.")
    actual_duration = models.BigIntegerField(null=True, blank=True, help_text="Milliseconds.")
    auto_retry = models.BooleanField(default=True, db_default=True)
    max_retries = models.IntegerField(default=3, db_default=3)
    current_retries = models.IntegerField(default=0, db_default=0)
    user_approval_required = models.BooleanField(default=False, db_default=False)
    user_notifications = models.BooleanField(default=True, db_default=True)
    source_identifier = models.CharField(max_length=255, null=True, blank=True)
    source_metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField("created", db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField("updated", db_default=TransactionNow(), editable=False)
    started_at = models.DateTimeField("started", null=True, blank=True)
    completed_at = models.DateTimeField("completed", null=True, blank=True)

    class Meta:
        db_table = "tasks"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=TaskStatus.values),
                name="tasks_status_known",
                violation_error_message=f"The status of a task is one of {', '.join(TaskStatus.values)}.",
            ),
            models.CheckConstraint(
                condition=models.Q(progress__range=(0, 100)),
                name="tasks_progress_range",
                violation_error_message="The progress of a task is a percentage from 0 to 100.",
            ),
            DatabaseForeignKey(
                name="tasks_assigned_agent_fkey",
                field="assigned_agent",
                on_delete="SET NULL",
                violation_error_message="The assigned agent does not exist.",
            ),
        ]
        # Each ends with the keys of the list's order, so that a filtered page is read from one index.
        indexes = [
            models.Index(fields=["created_at", "id"], name="tasks_created"),
            models.Index(fields=["status", "created_at", "id"], name="tasks_status"),
            models.Index(fields=["assigned_agent", "created_at", "id"], name="tasks_assigned_agent"),
            models.Index(fields=["context_id", "created_at", "id"], name="tasks_context"),
            *CONSOLE_INDEXES,
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class TaskTransition(models.Model):
    """One change of a task's status. Written by a trigger on tasks, never by hand."""

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(
        Task, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="transitions"
    )
    from_status = models.CharField("from", max_length=32, choices=TaskStatus, null=True, blank=True)
    to_status = models.CharField("to", max_length=32, choices=TaskStatus)
    message = models.TextField(null=True, blank=True)
    changed_by = models.CharField(max_length=255, null=True, blank=True)
    changed_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "task_transitions"
        ordering = ["id"]
        verbose_name = "task transition"
        constraints = [
            DatabaseForeignKey(
                name="task_transitions_task_fkey",
                field="task",
                on_delete="CASCADE",
                violation_error_message="The task does not exist.",
            ),
        ]
        indexes = [models.Index(fields=["task", "id"], name="task_transitions_task")]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} → {self.to_status}"
