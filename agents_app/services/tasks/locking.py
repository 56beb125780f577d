"""A task that nobody else writes until the transaction ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction

from agents_app.models import Task
from nullstore.actor import Actor, set_actor
from nullstore.databases import AGENTS
from nullstore.exceptions import ActionRefused
from nullstore.locks import is_locked_out, limit_lock_wait

_COLUMNS: Final = ("id", "context_id", "name", "status", "status_message", "priority", "assigned_agent_id")


@contextmanager
def locked(task_id: Any, actor: Actor) -> Iterator[Task]:
    """Open a transaction in which `actor` has the task for himself, as it is by then.

    Raises ActionRefused if there is no such task, or if somebody else keeps it locked.
    """
    with transaction.atomic(using=AGENTS):
        set_actor(actor, using=AGENTS)
        yield _lock(task_id)


def _lock(task_id: Any) -> Task:
    limit_lock_wait(AGENTS)
    try:
        return Task.objects.using(AGENTS).select_for_update().only(*_COLUMNS).get(pk=task_id)
    except (Task.DoesNotExist, ValidationError):
        raise ActionRefused(f"There is no task {task_id} any more.") from None
    except OperationalError as error:
        if is_locked_out(error):
            raise ActionRefused(f"Somebody else is changing the task {task_id} right now: try again.") from error
        raise


def refuse_if_final(task: Task, wish: str) -> None:
    """Raise ActionRefused, saying that the task cannot `wish` ("be canceled"), if its status never changes again."""
    if task.status in Task.TERMINAL:
        raise ActionRefused(f"it is {task.status}, which is final: it cannot {wish}")
