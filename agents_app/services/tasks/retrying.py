"""Doing again what a task did not achieve.

A2A's final tasks never restart, so that a retry is a new task in the same context. It begins as a client would have
begun it: with the user's first message, which refers to the old task. A task is retried once; if that fails too, it is
the retry that is retried. So the tries of one thing are a chain, of which one at most is open. The copy is made by
PostgreSQL: documents do not pass through Python, which would round long numbers.
"""

from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connections

from agents_app.models import Task
from agents_app.services.ops import record
from agents_app.services.tasks.locking import locked
from nullstore.actor import Actor
from nullstore.databases import AGENTS
from nullstore.exceptions import ActionRefused

_COPIED: Final = (
    "context_id, kind, name, description, task_type, category, priority, context, parameters, dependencies, triggers, "
    "required_capabilities, user_id, assigned_agent_id, estimated_duration, auto_retry, max_retries, "
    "user_approval_required, user_notifications, source_identifier, source_metadata"
)
# In lax mode the path finds nothing, rather than failing, in a history that is no list of objects.
_RETRY: Final = f"""
    INSERT INTO tasks (id, current_retries, metadata, history, {_COPIED})
    SELECT %(id)s, current_retries + 1,
        CASE jsonb_typeof(metadata) WHEN 'object' THEN metadata ELSE '{{}}' END || jsonb_build_object('retry_of', id),
        COALESCE((
            SELECT jsonb_build_array(message || jsonb_build_object(
                'messageId', %(message)s::text, 'taskId', %(id)s::text, 'contextId', context_id,
                'referenceTaskIds', jsonb_build_array(tasks.id)))
            FROM jsonb_path_query_first(
                history, '$[*] ? (@.type() == "object" && (@.role == "user" || @.role == "ROLE_USER"))') AS message
            WHERE message IS NOT NULL
        ), '[]'),
        {_COPIED}
    FROM tasks WHERE id = %(of)s
"""
# The index of contexts finds it; the documents of a context are few.
_ITS_RETRY: Final = """
    SELECT id, status FROM tasks
    WHERE context_id = %s AND metadata @> jsonb_build_object('retry_of', %s::text)
    ORDER BY created_at DESC, id DESC
    LIMIT 1
"""


def retry(task_id: Any, actor: Actor) -> UUID:
    """Make a new task of one that failed, was canceled or rejected; return its id. Raises ActionRefused."""
    with locked(task_id, actor) as task:
        _refuse_unless_retryable(task)
        new = uuid4()
        with connections[AGENTS].cursor() as cursor:
            cursor.execute(_RETRY, {"id": new, "message": uuid4(), "of": task.pk})
        record(actor, "retry", task, {"new_task": str(new)})
        record(actor, "add", ("tasks", new), {"retry_of": str(task.pk)})
        return new


def _refuse_unless_retryable(task: Task) -> None:
    if task.status not in Task.RETRYABLE:
        raise ActionRefused(
            f"it is {task.status}: only a task that is {', '.join(sorted(Task.RETRYABLE))} can be done again"
        )
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(_ITS_RETRY, [task.context_id, task.pk])
        retry_id, status = cursor.fetchone() or (None, None)
    if status in Task.RETRYABLE:
        raise ActionRefused(f"it was done again already, as the task {retry_id}, which is {status}: retry that one")
    if retry_id:
        raise ActionRefused(f"it was done again already, as the task {retry_id}, which is {status}")
