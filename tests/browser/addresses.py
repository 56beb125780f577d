"""The pages that staff open, of every table one of each kind, and of Django's own accounts and groups."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from nullstore.admin.rowactions import RowAction
from nullstore.admin.show import list_url
from tests.integration.adminpages import MODELS, page

#: The one page of CONSOLE that is not there.
MISSING: Final = "missing"
#: How many rows are looked through for one that can be deleted, or to which an action can be done.
LOOKED_AT: Final = 300


def _account(name: str) -> str:
    return reverse(f"admin:auth_user_{name}", args=[User.objects.get(username="vera").pk])


def _group(name: str) -> str:
    return reverse(f"admin:auth_group_{name}", args=[Group.objects.get(name="Operator").pk])


#: Pages that are no table's of the two databases, and lists that are asked for something.
CONSOLE: Final[dict[str, Callable[[], str]]] = {
    "start": lambda: reverse("admin:index"),
    "tables": lambda: reverse("admin:app_list", args=["agents_app"]),
    "replication": lambda: reverse("admin:replication"),
    "password": lambda: reverse("admin:password_change"),
    MISSING: lambda: "/admin/nothing/here/",
    "accounts": lambda: reverse("admin:auth_user_changelist"),
    "account": lambda: _account("change"),
    "password of an account": lambda: _account("password_change"),
    "groups": lambda: reverse("admin:auth_group_changelist"),
    "group": lambda: _group("change"),
    "deletion of a group": lambda: _group("delete"),
    "filtered list": lambda: list_url("agents_app.Task", status="completed", created_at__within="week", q="a"),
    "filtered list without rows": lambda: list_url("erebus_app.Listing", status="pending", tags="no such tag"),
    "filter that cannot be used": lambda: list_url("agents_app.Task", assigned_agent="no id", nonsense="1"),
}


def pages_of(label: str) -> list[str]:
    """Return the addresses of the list of the model, of one row, and of what can be done to one."""
    model_admin = admin.site.get_model_admin(MODELS[label])
    found = [page(label, "changelist")]
    if model_admin.has_add_permission(_of_root()):
        found.append(page(label, "add"))
    if MODELS[label]._default_manager.exists():
        row = row_for(label, "to look at", lambda each: True)
        found += [page(label, "change", row.pk), page(label, "history", row.pk)]
        found += [_question(label, action) for action in model_admin.row_actions]
        if model_admin.has_delete_permission(_of_root()):
            found.append(page(label, "delete", row_for(label, "to delete", _can_be_deleted).pk))
    return found


def _question(label: str, action: type[RowAction]) -> str:
    row = row_for(label, f"for “{action.label}”", action().offered)
    return str(admin.site.get_model_admin(MODELS[label]).action_url(action, row))


def row_for(label: str, what: str, fits: Callable[[Any], bool]) -> models.Model:
    """Return a row that fits; the sample has to have one."""
    rows = MODELS[label]._default_manager.order_by("pk")[:LOOKED_AT]
    found = next((row for row in rows if fits(row)), None)
    assert found is not None, f"No row of {label} {what}: have _fill() in site.py make one."
    return found


def _can_be_deleted(row: Any) -> bool:
    """An API key only after it was revoked; of others the page asks, or says what is in the way."""
    return MODELS["erebus_app.AgentApiKey"] is not type(row) or row.revoked_at is not None


def _of_root() -> HttpRequest:
    request = HttpRequest()
    request.user = User(is_active=True, is_superuser=True)
    return request
