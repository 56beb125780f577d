"""The dated history of tasks' states."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agents_app.models import TaskTransition
from nullstore.admin.lists.filters import ForeignId
from nullstore.admin.readonly import ReadOnlyAdmin
from nullstore.admin.show import pill


@admin.register(TaskTransition)
class TaskTransitionAdmin(ReadOnlyAdmin):
    list_display = ("id", "task", "came_from", "went_to", "changed_by", "changed_at")
    list_filter = (("task", ForeignId),)
    list_select_related = ("task",)
    search_fields = ()
    search_ids = ("task_id",)
    search_help_text = "The whole id of a task."
    ordering = ("-id",)
    sortable = ("id",)
    fields = ("id", "task", "from_status", "to_status", "message", "changed_by", "changed_at")

    @admin.display(description="from")
    def came_from(self, obj: TaskTransition) -> SafeString | str:
        return pill(obj.from_status)

    @admin.display(description="to")
    def went_to(self, obj: TaskTransition) -> SafeString | str:
        return pill(obj.to_status)
