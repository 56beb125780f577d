"""The sections of a task's page."""

from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from agents_app.admin.tasks.entries import date_of
from agents_app.admin.tasks.reading import SHOWN, read_documents
from agents_app.admin.tasks.related import related_to
from agents_app.admin.tasks.timeline import ALL_FIRST, ALL_LAST, part_asked_for, timeline_of
from agents_app.models import Task
from agents_app.models.taskindexes import USUAL_DURATION
from nullstore.admin.sections import Section
from nullstore.admin.show import between, duration
from nullstore.databases import AGENTS
from nullstore.fields import Unreadable

#: How many of a task's log lines a page shows: the last ones.
LOG_LINES: Final = 200
_FOLDER: Final = "admin/agents_app/task"
#: The parameter of the page's address that asks for a part of the whole timeline, by its number.
PARAMETER: Final = "timeline"


def sections_of(request: HttpRequest, task: Task) -> list[Section]:
    """Return what stands above the form of `task`."""
    part = part_asked_for(request.GET.get(PARAMETER))
    return [
        Section("State", f"{_FOLDER}/state.html", partial(_state, task), "state", AGENTS),
        Section("Timeline", f"{_FOLDER}/timeline.html", partial(_timeline, task, part), "timeline", AGENTS),
        Section("Related tasks", f"{_FOLDER}/related.html", partial(related_to, task), "related", AGENTS),
        Section("Outcome and logs", f"{_FOLDER}/results.html", partial(_results, task), "results", AGENTS),
    ]


def _state(task: Task) -> dict[str, Any]:
    return {
        "task": task,
        "final": task.status in Task.TERMINAL,
        "agent": task.assigned_agent,
        "user": task.user,
        "late": late_by(task),
        "waited": between(task.created_at, task.started_at) if task.started_at else "",
    }


def late_by(task: Task) -> str:
    """Return for how long a task has been working beyond its time, in words; "" if it has not."""
    if task.status != Task.Status.WORKING:
        return ""
    allowed = USUAL_DURATION if task.estimated_duration is None else task.estimated_duration
    late = (timezone.now() - task.status_timestamp) / timedelta(milliseconds=1) - allowed
    return duration(late) if late > 0 else ""


def _timeline(task: Task, part: int) -> dict[str, Any]:
    timeline = timeline_of(task, part)
    return {
        "timeline": timeline,
        "parts": range(1, timeline.parts + 1) if part else (),
        "most": ALL_FIRST + ALL_LAST,
        "agent": task.assigned_agent.name if task.assigned_agent else "",
        "user": task.user.source_identifier if task.user else "",
    }


def _results(task: Task) -> dict[str, Any]:
    said = read_documents(task.pk, "outcome", "logs")
    lines = said["logs"] if isinstance(said["logs"], list) else []
    return {
        "outcome": None if isinstance(said["outcome"], Unreadable) else said["outcome"],
        "unreadable": {name: each for name, each in said.items() if isinstance(each, Unreadable)},
        "lines": [_line(line) for line in lines[-LOG_LINES:]],
        "more": max(0, len(lines) - LOG_LINES),
        "no_list": said["logs"] if not isinstance(said["logs"], list | Unreadable) else None,
    }


def _line(line: Any) -> dict[str, Any]:
    """Return a line of the log as columns; what else it says as its rest."""
    if not isinstance(line, dict):
        return {"text": "", "rest": line}
    text = next((line[key] for key in ("message", "msg", "text") if isinstance(line.get(key), str)), "")
    level = line.get("level")
    known = ("message", "msg", "text", "level", "at", "timestamp")
    return {
        "at": date_of(line),
        "level": level[:30] if isinstance(level, str) else "",
        "text": text[:SHOWN],
        "rest": {key: value for key, value in line.items() if key not in known} or None,
    }
