"""The list of agents, and an agent's page."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents_app.admin.agents.load import COUNTED_IN_LIST, at_most, open_tasks
from agents_app.admin.agents.page import sections_of, staleness
from agents_app.admin.base import AgentsAdmin
from agents_app.models import Agent
from nullstore.admin.lists.changelist import TableChangeList
from nullstore.admin.lists.filters import Exact, OneOf
from nullstore.admin.neighbours import may_view
from nullstore.admin.sections import Sections
from nullstore.admin.show import ago, list_url, pill


class AgentList(TableChangeList):
    """Counts the open tasks of each agent, where they are shown."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Agent]:
        agents: QuerySet[Agent] = super().get_queryset(request, exclude_parameters)
        return agents.annotate(open_tasks=open_tasks()) if "load" in self.list_display else agents


@admin.register(Agent)
class AgentAdmin(AgentsAdmin):
    list_display = (
        "name",
        "agent_type",
        "state",
        "health",
        "last_check",
        "load",
        "tasks_processed_count",
        "last_action",
    )
    list_filter = (("status", OneOf), ("health_status", OneOf), ("agent_type", Exact))
    search_fields = ("name", "agent_type")
    search_help_text = "A whole id, or part of a name or type."
    ordering = ("name", "agent_type")
    readonly_fields = (
        "last_health_check",
        "tasks_processed_count",
        "average_processing_time",
        "total_processing_time",
        "last_action_at",
        "performance_metrics",
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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AgentList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = super().get_list_display(request)
        return [name for name in columns if name != "load" or may_view(request, "agents_app.Task")]

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), *sections_of(request, obj)]

    @admin.display(description="state")
    def state(self, obj: Agent) -> SafeString | str:
        return pill(obj.status)

    @admin.display(description="health")
    def health(self, obj: Agent) -> SafeString | str:
        return pill(obj.health_status)

    @admin.display(description="last check")
    def last_check(self, obj: Agent) -> SafeString | str:
        stale = staleness(obj.last_health_check)
        return format_html('<span class="ns-muted">{}</span>', stale) if stale else ago(obj.last_health_check)

    @admin.display(description="open tasks")
    def load(self, obj: Any) -> SafeString:
        url = list_url("agents_app.Task", assigned_agent=obj.pk, state="open")
        return format_html('<a href="{}">{}</a>', url, at_most(obj.open_tasks, COUNTED_IN_LIST))

    @admin.display(description="last action")
    def last_action(self, obj: Agent) -> SafeString | str:
        return ago(obj.last_action_at)
