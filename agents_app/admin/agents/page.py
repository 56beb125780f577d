"""The sections of an agent's page."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from agents_app.admin.agents.chart import HEIGHT, WIDTH, bars
from agents_app.admin.agents.load import COUNTED, COUNTED_IN_HOUR, at_most, by_hour, by_state
from agents_app.models import Agent, Task
from nullstore.admin.neighbours import may_view
from nullstore.admin.sections import Section
from nullstore.admin.show import between
from nullstore.databases import AGENTS

#: A health check that is older says nothing about now.
STALE: Final = timedelta(minutes=5)
#: How many tasks a page names.
SHOWN: Final = 10
_FOLDER: Final = "admin/agents_app/agent"
_COLUMNS: Final = ("id", "name", "status", "task_type", "created_at", "status_timestamp")


def sections_of(request: HttpRequest, agent: Agent) -> list[Section]:
    """Return what stands above the form of `agent`; what its tasks tell is for those who may see them."""
    if not may_view(request, "agents_app.Task"):
        return [Section("Health", f"{_FOLDER}/load.html", partial(_health, agent), "load", AGENTS)]
    return [
        Section("Health and load", f"{_FOLDER}/load.html", partial(_load, agent), "load", AGENTS),
        Section("Throughput", f"{_FOLDER}/throughput.html", partial(_throughput, agent), "throughput", AGENTS),
        Section("Tasks", f"{_FOLDER}/tasks.html", partial(_tasks, agent), "tasks", AGENTS),
    ]


def staleness(checked: datetime | None) -> str:
    """Return, in words, why the last health check says nothing about now; "" if it does."""
    if checked is None:
        return "never checked"
    return f"stale: checked {between(checked, timezone.now())} ago" if timezone.now() - checked > STALE else ""


def _health(agent: Agent) -> dict[str, Any]:
    return {"agent": agent, "stale": staleness(agent.last_health_check)}


def _load(agent: Agent) -> dict[str, Any]:
    counts = by_state(agent.pk)
    states = [
        {"status": status, "count": at_most(counts[status], COUNTED), "open": status in Task.OPEN}
        for status in Task.Status.values
    ]
    return {**_health(agent), "states": states}


def _throughput(agent: Agent) -> dict[str, Any]:
    hours = by_hour(agent.pk)
    finished = sum(hour.finished for hour in hours)
    return {
        "agent": agent,
        "bars": bars(hours),
        "width": WIDTH,
        "height": HEIGHT,
        "highest": max(hours, key=lambda hour: hour.finished),
        "finished": finished,
        "failed": sum(hour.failed for hour in hours),
        "cut_off": any(hour.finished > COUNTED_IN_HOUR for hour in hours),
        "most": COUNTED_IN_HOUR,
    }


def _tasks(agent: Agent) -> dict[str, Any]:
    mine = Task.objects.filter(assigned_agent=agent).only(*_COLUMNS).order_by("-created_at", "-id")
    still = list(mine.filter(status__in=sorted(Task.OPEN))[: SHOWN + 1])
    latest = list(mine[: SHOWN + 1])
    return {
        "agent": agent,
        "open": still[:SHOWN],
        "more_open": len(still) > SHOWN,
        "latest": latest[:SHOWN],
        "more": len(latest) > SHOWN,
    }
