"""The tables of the agents database: one module per subject."""

from agents_app.models.agents import Agent
from agents_app.models.engrams import Engram, EngramHistory
from agents_app.models.ops import OpsAction
from agents_app.models.tasks import Task, TaskTransition
from agents_app.models.users import UserReference

__all__ = ["Agent", "Engram", "EngramHistory", "OpsAction", "Task", "TaskTransition", "UserReference"]
