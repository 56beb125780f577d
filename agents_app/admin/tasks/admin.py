"""The list of tasks, and a task's page."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from agents_app.admin.base import AgentsAdmin
from agents_app.admin.tasks.actions import Assign, Cancel, Retry, SetPriority
from agents_app.admin.tasks.filters import OfAgent, OfUser, Progressing, WhenFailed
from agents_app.admin.tasks.page import sections_of
from agents_app.models import Agent, Task, TaskTransition, UserReference
from nullstore.admin.deleting import BoundedDeletion
from nullstore.admin.lists.columns import heavy_fields
from nullstore.admin.lists.filters import Exact, ForeignId, OneOf, TimeWindow
from nullstore.admin.sections import Sections
from nullstore.admin.show import ago, pill, row_link

#: Documents that services write: the page's sections read what they show of them, the form has none.
OF_SERVICES: Final = ("history", "artifacts", "outcome", "logs", "sub_tasks", "dependencies")
#: Rows that the list and the page join, and their columns that neither shows.
WHO: Final = ("assigned_agent", "user")
HEAVY_OF_WHO: Final = [*heavy_fields(Agent, "assigned_agent__"), *heavy_fields(UserReference, "user__")]
#: Priorities that need no colour in a list, and characters of a user's name there.
UNREMARKABLE: Final = (Task.Priority.LOW, Task.Priority.MEDIUM)
NAME: Final = 12


@admin.register(Task)
class TaskAdmin(BoundedDeletion, AgentsAdmin):
    """What services own (state, conversation, results) no form changes; its state and agent change by actions."""

    list_display = (
        "name",
        "state",
        "importance",
        "task_type",
        "agent",
        "of_user",
        "created_at",
    )
    list_filter = (
        Progressing,
        ("status", OneOf),
        ("priority", OneOf),
        ("created_at", TimeWindow),
        ("status_timestamp", WhenFailed),
        ("task_type", Exact),
        ("category", Exact),
        ("assigned_agent", OfAgent),
        ("user", OfUser),
        ("context_id", ForeignId),
    )
    list_select_related = WHO
    search_fields = ("name__startswith",)
    search_ids = ("id", "context_id", "user_id", "assigned_agent_id")
    search_help_text = "A whole id, of the task, its context, user or agent; or the beginning of a name."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    row_actions = (Cancel, Assign, Retry, SetPriority)
    parts = (TaskTransition,)
    raw_id_fields = ("user",)
    autocomplete_fields = ("assigned_agent",)
    readonly_fields = ("current_retries", "started_at", "completed_at", "actual_duration", "absent_user")
    fieldsets = (
        (None, {"fields": ("id", "name", "description", "task_type", "category", "priority")}),
        ("Who", {"fields": ("user", "assigned_agent", "source_identifier", "context_id", "kind")}),
        ("Work", {"fields": ("parameters", "context", "required_capabilities", "triggers")}),
        ("Time", {"fields": ("estimated_duration", "actual_duration", "started_at", "completed_at")}),
        ("Retries", {"fields": ("auto_retry", "max_retries", "current_retries")}),
        ("The user's part", {"fields": ("user_approval_required", "user_notifications")}),
        ("More", {"fields": ("metadata", "source_metadata"), "classes": ("collapse",)}),
        ("Row", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """Join what the page says about agent and user too; an absent user is None, not an error."""
        return super().get_queryset(request).select_related(*WHO).defer(*OF_SERVICES, *HEAVY_OF_WHO)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The agent and the context are chosen while a task is being added; later the agent changes by an action."""
        fixed = () if obj is None else ("assigned_agent", "context_id", "kind")
        return [*super().get_readonly_fields(request, obj), *fixed]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the id of a user whom the replica does not have; a form field would refuse to keep it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not obj.user_id or obj.user:
            return fieldsets
        return [
            (title, {**options, "fields": ["absent_user" if name == "user" else name for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), *sections_of(request, obj)]

    @admin.display(description="user")
    def absent_user(self, obj: Task) -> str:
        return f"{obj.user_id} (not in this database: late, or unknown to erebus)"

    @admin.display(description="state, since")
    def state(self, obj: Task) -> SafeString:
        """While it is open, with its progress: afterwards that says nothing more."""
        done = f" {obj.progress}%" if obj.progress and obj.status not in Task.TERMINAL else ""
        return format_html("{}{}<br>{}", pill(obj.status), done, ago(obj.status_timestamp))

    @admin.display(description="priority")
    def importance(self, obj: Task) -> SafeString | str:
        return pill(obj.priority) if obj.priority not in UNREMARKABLE else obj.priority

    @admin.display(description="agent")
    def agent(self, obj: Task) -> SafeString | str:
        return (
            row_link("agents_app.Agent", obj.assigned_agent.pk, obj.assigned_agent.name) if obj.assigned_agent else "-"
        )

    @admin.display(description="user")
    def of_user(self, obj: Task) -> SafeString | str:
        """The replica may not have the user yet: then only the id is known."""
        if not obj.user_id:
            return "-"
        user = obj.user
        if user is None:
            return f"{obj.user_id} (not here)"
        return row_link("agents_app.UserReference", user.pk, Truncator(user.source_identifier).chars(NAME))
