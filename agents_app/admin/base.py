"""The admin of a table of agents: every change is recorded in ops_actions too, for the admin's log is in erebus."""

from functools import partial
from typing import Any, Final

from django.contrib.admin.utils import model_ngettext
from django.db import models
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from agents_app.admin.keeping import changed_keys, kept
from agents_app.models import OpsAction
from agents_app.services.ops import record
from nullstore.admin.actor import actor_of
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import changed_columns
from nullstore.admin.neighbours import may_view
from nullstore.admin.sections import Section, Sections
from nullstore.databases import AGENTS

#: How many of a row's actions its page shows.
SHOWN: Final = 20


class AgentsAdmin(TableAdmin):
    """Records add, change and delete in the transaction that does it, and shows what was recorded on the row's page."""

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        actor = actor_of(request, form.cleaned_data.get("reason", ""))
        super().save_model(request, obj, form, change)
        columns = changed_columns(form)
        if change and columns:
            changes = {name: _changed(obj, name, form.initial.get(name), form.cleaned_data[name]) for name in columns}
            record(actor, "change", obj, {"changed": changes})
        elif not change:
            record(actor, "add", obj)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        record(actor_of(request), "delete", obj, {"was": str(obj)})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            record(actor_of(request), "delete", obj, {"was": str(obj)})
        super().delete_queryset(request, queryset)

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        if not may_view(request, "agents_app.OpsAction"):
            return super().sections_below(request, obj)
        done = Section(
            f"What staff did to this {model_ngettext(self.opts, 1)}",
            "admin/agents_app/ops_actions.html",
            partial(_ops_actions, obj),
            "staff-actions",
            AGENTS,
        )
        return [*super().sections_below(request, obj), done]


def _ops_actions(obj: models.Model) -> dict[str, Any]:
    of_row = {"target_table": obj._meta.db_table, "target_id": str(obj.pk)}
    found = list(OpsAction.objects.filter(**of_row).order_by("-id")[: SHOWN + 1])
    return {"actions": found[:SHOWN], "more": len(found) > SHOWN, "target_id": str(obj.pk)}


def _changed(obj: models.Model, column: str, old: Any, new: Any) -> Any:
    """Return what ops_actions keeps of a change for ever: no secrets, as far as one sees."""
    if isinstance(obj._meta.get_field(column), models.JSONField):
        return changed_keys(old, new)
    # Of a foreign key the form begins with the id, and ends with the row.
    return [kept(column, old), kept(column, new.pk if isinstance(new, models.Model) else new)]
