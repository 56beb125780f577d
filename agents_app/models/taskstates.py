"""The states of a task, and the sets of them that mean something."""

from typing import Final

from django.db import models


class TaskStatus(models.TextChoices):
    """The states of A2A v0.3; a trigger turns the spelling of v1.0 (TASK_STATE_*) into these."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input-required"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    REJECTED = "rejected"
    AUTH_REQUIRED = "auth-required"
    UNKNOWN = "unknown"


class TaskPriority(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


#: A task in one of these never changes status again.
TERMINAL: Final = frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.REJECTED})
#: A task in one of these waits for a person.
INTERRUPTED: Final = frozenset({TaskStatus.INPUT_REQUIRED, TaskStatus.AUTH_REQUIRED})
#: A task in one of these may still become anything.
OPEN: Final = frozenset(TaskStatus) - TERMINAL
#: A task in one of these may be done again, as a new task: it ended without what was asked for.
RETRYABLE: Final = TERMINAL - {TaskStatus.COMPLETED}
