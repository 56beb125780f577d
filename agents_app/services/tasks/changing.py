"""Changes of a task: its end, its agent, its priority."""

from typing import Any

from agents_app.models import Agent, Task
from agents_app.services.ops import record
from agents_app.services.tasks.locking import locked, refuse_if_final
from nullstore.actor import Actor
from nullstore.databases import AGENTS
from nullstore.exceptions import ActionRefused


def cancel(task_id: Any, actor: Actor) -> Task:
    """Cancel a task that is not yet final; the reason becomes its status message. Raises ActionRefused."""
    with locked(task_id, actor) as task:
        refuse_if_final(task, "be canceled")
        was, task.status = task.status, Task.Status.CANCELED
        task.status_message = f"Canceled by {actor.name}{f': {actor.reason}' if actor.reason else '.'}"
        task.save(update_fields=["status", "status_message"])
        record(actor, "cancel", task, {"status": [was, task.status]})
        return task


def assign(task_id: Any, agent_id: Any, actor: Actor) -> Task:
    """Give a task that is not yet final to another agent. Raises ActionRefused."""
    with locked(task_id, actor) as task:
        refuse_if_final(task, "be given to an agent")
        agent = Agent.objects.using(AGENTS).only("id", "name").filter(pk=agent_id).first()
        if agent is None:
            raise ActionRefused(f"the agent {agent_id} does not exist any more")
        if task.assigned_agent_id == agent.pk:
            raise ActionRefused(f"it is assigned to {agent.name} already")
        was, task.assigned_agent = task.assigned_agent_id, agent
        task.save(update_fields=["assigned_agent"])
        record(actor, "assign", task, {"assigned_agent": [str(was) if was else None, str(agent.pk)]})
        return task


def set_priority(task_id: Any, priority: str, actor: Actor) -> Task:
    """Change the priority of a task. Raises ActionRefused."""
    if priority not in Task.Priority:
        raise ActionRefused(f"{priority} is no priority: it is one of {', '.join(Task.Priority.values)}")
    with locked(task_id, actor) as task:
        if task.priority == priority:
            raise ActionRefused(f"its priority is {priority} already")
        was, task.priority = task.priority, priority
        task.save(update_fields=["priority"])
        record(actor, "set priority", task, {"priority": [was, priority]})
        return task
