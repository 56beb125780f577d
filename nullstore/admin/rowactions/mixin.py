"""The part of a ModelAdmin that offers its row actions: buttons on the row's page, and actions in the list."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import model_ngettext, quote, unquote
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from nullstore.admin.refusals import Refusals
from nullstore.admin.rowactions.action import RowAction
from nullstore.admin.rowactions.views import do_to_many, do_to_one


class RowActions(Refusals):
    """Offers `row_actions` to those who have the permission that each of them needs."""

    row_actions: tuple[type[RowAction], ...] = ()

    def may(self, request: HttpRequest, action: RowAction | type[RowAction], row: models.Model | None = None) -> bool:
        """Return whether who sends `request` may do `action`, as far as permissions go."""
        if not self.has_view_permission(request, row):
            return False
        if "." in action.permission:
            return request.user.has_perm(action.permission)
        # Of the model: a row whose form cannot be shown can be acted upon all the same.
        return bool(getattr(self, f"has_{action.permission}_permission")(request))

    def get_urls(self) -> list[URLPattern]:
        meta = self.opts
        own = [
            path(
                f"<path:object_id>/do/{action.name}/",
                self._view_of(action),
                name=f"{meta.app_label}_{meta.model_name}_{action.name}",
            )
            for action in self.row_actions
        ]
        return [*own, *super().get_urls()]

    def _view_of(self, action: type[RowAction]) -> Callable[..., HttpResponse]:
        view: Any = self.admin_site.admin_view(partial(self._do_to_one, action=action))
        # As Django's own views say whose they are: a page of a database that does not answer is not begun.
        view.model_admin = self
        return view  # type: ignore[no-any-return]

    def _do_to_one(self, request: HttpRequest, object_id: str, action: type[RowAction]) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        return self.answer(request, action, row)

    def answer(self, request: HttpRequest, action: type[RowAction], row: Any) -> HttpResponse:
        """Ask whether to do `action` to `row`, or do it; one that has something to show answers in its own way."""
        return do_to_one(self, request, action(), row)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.actions is None or IS_POPUP_VAR in request.GET:
            return actions
        own = [action for action in self.row_actions if action.bulk and self.may(request, action)]
        return {**actions, **{action.name: (_bulk(action), action.name, f"{action.label} …") for action in own}}

    def runs_in_one_transaction(self, request: HttpRequest) -> bool:
        """Many rows are done in batches, each in a transaction of its own."""
        names = {action.name for action in self.row_actions}
        chosen = set(request.POST.getlist("action")) - {""}
        return not (chosen and chosen <= names) and super().runs_in_one_transaction(request)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None and not context.get("is_popup"):
            context["row_actions"] = [
                {"url": self.action_url(action, obj), "label": action.label, "dangerous": action.dangerous}
                for action in self.row_actions
                if self.may(request, action, obj) and action().offered(obj)
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def action_url(self, action: type[RowAction], row: models.Model) -> str:
        """Return the address where `action` is done to `row`."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{action.name}"
        return reverse(name, args=[quote(row.pk)])

    def name_of_rows(self, count: int) -> str:
        """Return the name of the model for so many rows."""
        return str(model_ngettext(self.opts, count))


def _bulk(action: type[RowAction]) -> Callable[..., HttpResponse]:
    def run(model_admin: RowActions, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return do_to_many(model_admin, request, action(), queryset)

    return run
