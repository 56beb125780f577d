"""Engrams and the trail of their versions."""

from agents_app.admin.engrams.engram import EngramAdmin
from agents_app.admin.engrams.history import EngramHistoryAdmin

__all__ = ["EngramAdmin", "EngramHistoryAdmin"]
