"""Agents: the programs that work on tasks."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models

from nullstore.fields import Document


class AgentStatus(models.TextChoices):
    ONLINE = "online"
    OFFLINE = "offline"
    BUSY = "busy"
    ERROR = "error"


class AgentHealth(models.TextChoices):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class Agent(models.Model):
    """A registered agent. Processing times are milliseconds."""

    Status = AgentStatus
    Health = AgentHealth

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    name = models.CharField(max_length=255)
    agent_type = models.CharField(max_length=100)
    description = models.TextField(null=True, blank=True)
    status = models.CharField(
        max_length=50, choices=AgentStatus, default=AgentStatus.OFFLINE, db_default=AgentStatus.OFFLINE.value
    )
    capabilities = Document(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    endpoint_url = models.TextField("endpoint URL", null=True, blank=True)
    metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    performance_metrics = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    health_status = models.CharField(
        max_length=50, choices=AgentHealth, default=AgentHealth.UNKNOWN, db_default=AgentHealth.UNKNOWN.value
    )
    last_health_check = models.DateTimeField(null=True, blank=True)
    tasks_processed_count = models.BigIntegerField("tasks processed", default=0, db_default=0)
    average_processing_time = models.BigIntegerField(default=0, db_default=0, help_text="Milliseconds per task.")
    total_processing_time = models.BigIntegerField(default=0, db_default=0, help_text="Milliseconds.")
    last_action_at = models.DateTimeField("last action", null=True, blank=True)
    created_at = models.DateTimeField("created", db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField("updated", db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "agents"
        ordering = ["name", "agent_type"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "agent_type"],
                name="agents_name_type_unique",
                violation_error_message="There is an agent of this name and type already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.agent_type})"
