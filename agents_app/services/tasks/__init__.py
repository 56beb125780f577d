"""What staff can ask of a task.

Each is one transaction on agents: it locks the task, names who and why for the triggers, and writes ops_actions.
"""

from agents_app.services.tasks.changing import assign, cancel, set_priority
from agents_app.services.tasks.retrying import retry

__all__ = ["assign", "cancel", "retry", "set_priority"]
