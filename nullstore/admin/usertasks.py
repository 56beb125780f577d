"""The tasks of a user, for the page of his source and that of his copy."""

from typing import Any, Final

from django.apps import apps

from nullstore.admin.lists.columns import heavy_fields
from nullstore.admin.neighbours import first_of
from nullstore.admin.sections import Section, home_of

TASK: Final = "agents_app.Task"


def tasks_section(user_id: Any) -> Section:
    """Return the section with the user's newest tasks."""
    model = apps.get_model(TASK)

    def load() -> dict[str, Any]:
        rows = model._default_manager.filter(user_id=user_id).defer(*heavy_fields(model))
        newest = rows.select_related("assigned_agent").order_by("-created_at", "-id")
        return {**first_of(newest), "label": TASK, "query": user_id}

    return Section("Tasks", "admin/nullstore/user_tasks.html", load, "tasks", home_of(model))
