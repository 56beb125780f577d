"""Registered agents: how they are, and what they have to do."""

from agents_app.admin.agents.admin import AgentAdmin

__all__ = ["AgentAdmin"]
