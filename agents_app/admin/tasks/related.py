"""Other tasks that a task's page names: of the same context, its sub tasks, what it waits for, retries."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from agents_app.admin.tasks.reading import read_documents
from agents_app.models import Task

#: How many other tasks of the context, and how many of each of the lists of ids, a page names.
SHOWN: Final = 10
NAMED: Final = 50
_ID_KEYS: Final = ("id", "taskId", "task_id")
_COLUMNS: Final = ("id", "name", "status", "task_type", "created_at", "status_timestamp")


@dataclass(frozen=True, slots=True)
class Named:
    """An item of a list of ids: the task, if there is one, and what stands in the list."""

    said: str
    task: Task | None


@dataclass(frozen=True, slots=True)
class Names:
    """A titled list of tasks that a document names; `more` of them are not shown, `raw` is what is no list."""

    title: str
    tasks: list[Named]
    more: int = 0
    raw: Any = None


def related_to(task: Task) -> dict[str, Any]:
    """Read what the section shows: the newest others of the context, and the tasks that this one's columns name."""
    others = Task.objects.filter(context_id=task.context_id).exclude(pk=task.pk).only(*_COLUMNS)
    newest = list(others.order_by("-created_at", "-id")[: SHOWN + 1])
    said = read_documents(task.pk, "sub_tasks", "dependencies", "metadata")
    metadata = said["metadata"] if isinstance(said["metadata"], dict) else {}
    lists = {
        "Sub tasks": said["sub_tasks"],
        "Waits for": said["dependencies"],
        "Part of": [metadata["parent_task_id"]] if metadata.get("parent_task_id") else [],
        "Repeats": [metadata["retry_of"]] if metadata.get("retry_of") else [],
    }
    return {"newest": newest[:SHOWN], "more": len(newest) > SHOWN, "task": task, "named": _named(lists)}


def _named(lists: dict[str, Any]) -> list[Names]:
    items = {title: said[:NAMED] for title, said in lists.items() if isinstance(said, list)}
    ids = {key for each in items.values() for item in each if (key := _id_of(item))}
    found = Task.objects.only(*_COLUMNS).in_bulk(ids) if ids else {}
    return [
        Names(title, [_name(item, found) for item in items[title]], len(said) - len(items[title]))
        if title in items
        else Names(title, [], raw=said)
        for title, said in lists.items()
        if said not in ([], None)
    ]


def _name(item: Any, found: dict[UUID, Task]) -> Named:
    key = _id_of(item)
    return Named(str(key or item)[:200], found.get(key) if key else None)


def _id_of(item: Any) -> UUID | None:
    """Return the id that an item of the list is, or holds."""
    values = [item.get(key) for key in _ID_KEYS] if isinstance(item, dict) else [item]
    return next(filter(None, map(_as_uuid, values)), None)


def _as_uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
