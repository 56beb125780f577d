"""The admin of the tables in `agents`, a module per subject."""

from agents_app.admin import agents, engrams, ops, tasks, users

__all__ = ["agents", "engrams", "ops", "tasks", "users"]
