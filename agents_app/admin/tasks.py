"""Tasks and the dated history of their states."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from agents_app.models import Task, TaskTransition, UserReference
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import TableForm
from nullstore.admin.readonly import ReadOnlyAdmin


class TaskForm(TableForm):
    def clean_status(self) -> str:
        """Raise ValidationError where the database would refuse: a terminal status is final."""
        status: str = self.cleaned_data["status"]
        present = self.instance.status
        if not self.instance._state.adding and present in Task.TERMINAL and status != present:
            raise ValidationError(
                "This task is %(present)s, which is final: it cannot become %(status)s. "
                "Make a new task in the same context (%(context)s).",
                "terminal",
                {"present": present, "status": status, "context": self.instance.context_id},
            )
        return status


@admin.register(Task)
class TaskAdmin(TableAdmin):
    form = TaskForm
    list_display = ("name", "status", "priority", "task_type", "assigned_agent", "user", "progress", "created_at")
    list_filter = ("status", "priority", "user_approval_required")
    list_select_related = ("assigned_agent", "user")
    search_fields = ("name",)
    search_ids = ("id", "context_id", "user_id", "assigned_agent_id")
    search_help_text = "A whole id, of the task, its context, user or agent; or part of a name."
    ordering = ("-created_at", "-id")
    raw_id_fields = ("user",)
    autocomplete_fields = ("assigned_agent",)
    readonly_fields = ("started_at", "completed_at", "actual_duration", "absent_user")
    fieldsets = (
        (None, {"fields": ("id", "context_id", "kind", "name", "description", "task_type", "category", "priority")}),
        ("Status", {"fields": ("status", "status_message", "status_timestamp", "progress")}),
        ("Who", {"fields": ("user", "assigned_agent", "source_identifier")}),
        ("Work", {"fields": ("parameters", "context", "required_capabilities", "dependencies", "sub_tasks")}),
        ("Conversation and results", {"fields": ("history", "artifacts", "outcome", "logs")}),
        ("Time", {"fields": ("estimated_duration", "actual_duration", "started_at", "completed_at")}),
        ("Retries", {"fields": ("auto_retry", "max_retries", "current_retries")}),
        ("The user's part", {"fields": ("user_approval_required", "user_notifications")}),
        ("More", {"fields": ("triggers", "metadata", "source_metadata"), "classes": ("collapse",)}),
        ("Row", {"fields": ("created_at", "updated_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the id of a user whom the replica does not have; a form field would refuse to keep it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not obj.user_id or UserReference.objects.filter(pk=obj.user_id).exists():
            return fieldsets
        return [
            (title, {**options, "fields": ["absent_user" if name == "user" else name for name in options["fields"]]})
            for title, options in fieldsets
        ]

    @admin.display(description="user")
    def absent_user(self, obj: Task) -> str:
        return f"{obj.user_id} (not in this database: late, or unknown to erebus)"

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let the transitions go with their task, although nobody may delete them by themselves."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, lacking - {TaskTransition._meta.verbose_name}, protected


@admin.register(TaskTransition)
class TaskTransitionAdmin(ReadOnlyAdmin):
    list_display = ("id", "task", "from_status", "to_status", "changed_by", "changed_at")
    list_filter = ("to_status",)
    list_select_related = ("task",)
    search_fields = ("changed_by",)
    search_ids = ("task_id",)
    search_help_text = "The whole id of a task, or part of the name of who changed it."
    ordering = ("-id",)
    fields = ("id", "task", "from_status", "to_status", "message", "changed_by", "changed_at")
