"""The pages that staff open, of every table one of each kind."""

from typing import Final

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from tests.integration.adminpages import MODELS, page

#: Pages that are no table's.
CONSOLE: Final = {
    "start": lambda: reverse("admin:index"),
    "replication": lambda: reverse("admin:replication"),
    "password": lambda: reverse("admin:password_change"),
    "missing": lambda: "/admin/agents_app/task/00000000-0000-0000-0000-000000000000/nothing/here/",
}


def pages_of(label: str) -> list[str]:
    """Return the addresses of the list of the model, of one row, and of what can be done to it."""
    model_admin = admin.site.get_model_admin(MODELS[label])
    found = [page(label, "changelist")]
    if model_admin.has_add_permission(_of_root()):
        found.append(page(label, "add"))
    row = MODELS[label]._default_manager.order_by("pk").first()
    if row is not None:
        found += [page(label, "change", row.pk), page(label, "history", row.pk)]
        found += [model_admin.action_url(action, row) for action in model_admin.row_actions]
    return found


def _of_root() -> HttpRequest:
    request = HttpRequest()
    request.user = User(is_active=True, is_superuser=True)
    return request
