"""What staff can do to tasks."""

from typing import Any

from django import forms
from django.utils.html import format_html

from agents_app.models import Agent, Task
from agents_app.services import tasks
from nullstore.actor import Actor
from nullstore.admin.rowactions import ReasonForm, RowAction
from nullstore.admin.show import row_link


class Cancel(RowAction):
    name = "cancel"
    label = "Cancel task"
    done = "Canceled"
    question = (
        "A canceled task never runs again. The agent that works on it learns of it when it next asks; "
        "the reason becomes the task's status message. Tasks that are final already are left as they are."
    )
    dangerous = True

    def offered(self, row: Any) -> bool:
        return row.status not in Task.TERMINAL

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        tasks.cancel(row_id, actor)
        return None


class AgentForm(ReasonForm):
    agent = forms.ModelChoiceField(Agent.objects.only("id", "name", "agent_type"), help_text="Who is to work on it.")
    field_order = ("agent", "reason")


class Assign(RowAction):
    name = "assign"
    label = "Assign to an agent"
    done = "Assigned"
    question = "The agent that works on it now loses it. Tasks that are final are left as they are."
    form = AgentForm

    def offered(self, row: Any) -> bool:
        return row.status not in Task.TERMINAL

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        tasks.assign(row_id, data["agent"].pk, actor)
        return None


class Retry(RowAction):
    name = "retry"
    label = "Retry as a new task"
    done = "To be done again"
    question = (
        "A final task never restarts: a new one is made in the same context, with the same parameters, agent and user, "
        "and the user's first message. Only tasks that failed, were canceled or rejected can be done again."
    )
    permission = "add"

    def offered(self, row: Any) -> bool:
        return row.status in Task.RETRYABLE

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        new = tasks.retry(row_id, actor)
        return format_html("The new task: {}.", row_link("agents_app.Task", new))


class PriorityForm(ReasonForm):
    priority = forms.ChoiceField(choices=Task.Priority.choices)
    field_order = ("priority", "reason")


class SetPriority(RowAction):
    name = "set-priority"
    label = "Set priority"
    done = "Priority set"
    form = PriorityForm

    def initial(self, request: Any, row: Any) -> dict[str, Any]:
        return {"priority": row.priority if row else Task.Priority.MEDIUM}

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        tasks.set_priority(row_id, data["priority"], actor)
        return None
