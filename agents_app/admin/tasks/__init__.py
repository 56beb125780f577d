"""Tasks and the dated history of their states."""

from agents_app.admin.tasks.admin import TaskAdmin
from agents_app.admin.tasks.transitions import TaskTransitionAdmin

__all__ = ["TaskAdmin", "TaskTransitionAdmin"]
