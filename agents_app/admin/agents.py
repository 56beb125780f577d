"""Registered agents."""

from django.contrib import admin

from agents_app.models import Agent
from nullstore.admin.base import TableAdmin


@admin.register(Agent)
class AgentAdmin(TableAdmin):
    list_display = (
        "name",
        "agent_type",
        "status",
        "health_status",
        "last_health_check",
        "tasks_processed_count",
        "last_action_at",
    )
    list_filter = ("status", "health_status")
    search_fields = ("name", "agent_type")
    search_help_text = "A whole id, or part of a name or type."
    ordering = ("name", "agent_type")
    readonly_fields = (
        "last_health_check",
        "tasks_processed_count",
        "average_processing_time",
        "total_processing_time",
        "last_action_at",
    )
    fieldsets = (
        (None, {"fields": ("id", "name", "agent_type", "description", "endpoint_url", "capabilities")}),
        ("State", {"fields": ("status", "health_status", "last_health_check")}),
        (
            "Load",
            {
                "fields": (
                    "tasks_processed_count",
                    "average_processing_time",
                    "total_processing_time",
                    "last_action_at",
                    "performance_metrics",
                )
            },
        ),
        ("Metadata", {"fields": ("metadata",), "classes": ("collapse",)}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )
