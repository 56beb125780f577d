"""Ask, do, and tell: for one row and for many."""

import time
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from nullstore.admin.actor import actor_of
from nullstore.admin.lists.batches import in_batches, valid_keys
from nullstore.admin.lists.columns import heavy_fields
from nullstore.admin.lists.timeouts import ROWS_TIMEOUT, statement_timeout
from nullstore.admin.rowactions.action import RowAction
from nullstore.admin.rowactions.outcome import Deed, Outcome, tell
from nullstore.admin.show import row_url

if TYPE_CHECKING:
    from nullstore.admin.rowactions.mixin import RowActions

#: How many rows one click goes through: a request must end. Another goes on from there.
MOST: Final = 5000
#: How long it may take, in seconds; a row that somebody holds is waited for.
BUDGET: Final = 20.0
#: How many rows are read at once.
BATCH: Final = 200
#: How many rows the page that asks names.
NAMED: Final = 20


def do_to_one(model_admin: "RowActions", request: HttpRequest, action: RowAction, row: Any) -> HttpResponse:
    """Ask with GET, do it with POST, then show the row again."""
    if not model_admin.may(request, action, row):
        raise PermissionDenied
    back = row_url(model_admin.opts.label, row.pk)
    if request.method != "POST":
        if not action.offered(row):
            messages.warning(request, f"{action.label} is not possible here: {row}.")
            return HttpResponseRedirect(back)
        return _ask(model_admin, request, action, {"row": row, "back": back, "form": _form(action, request, row)})
    form = _form(action, request, row)
    if form is not None and not form.is_valid():
        return _ask(model_admin, request, action, {"row": row, "back": back, "form": form})
    outcome = Outcome()
    _deed(request, action, form).do([row], outcome, time.monotonic() + BUDGET)
    tell(request, action, outcome, model_admin.name_of_rows)
    return HttpResponseRedirect(back)


def do_to_many(model_admin: "RowActions", request: HttpRequest, action: RowAction, rows: QuerySet[Any]) -> HttpResponse:
    """Ask first; the answer comes with `confirmed`, and does it in batches. Then show the list again.

    What was ticked is tried even if it has left the list's filter meanwhile: then the action says what is in the way.
    """
    if request.POST.get("select_across") != "1":
        keys = valid_keys(rows, request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
        rows = model_admin.get_queryset(request).filter(pk__in=keys)
    # Where another click has got to.
    rows_left = _rest(rows, request.POST.get("after"))
    confirmed = "confirmed" in request.POST
    form = _form(action, request, None) if confirmed else _unbound(action, request)
    if not confirmed or (form is not None and not form.is_valid()):
        return _ask_about_many(model_admin, request, action, rows_left, form)
    outcome = Outcome()
    rest = _in_batches(_deed(request, action, form), rows_left, outcome)
    tell(request, action, outcome, model_admin.name_of_rows)
    if not rest:
        return HttpResponseRedirect(request.get_full_path())
    tried = f"{outcome.tried:,} {model_admin.name_of_rows(outcome.tried)}"
    messages.warning(request, f"Those were {tried}, as many as one click goes through. Go on with the rest?")
    return _ask_about_many(model_admin, request, action, _rest(rows, outcome.last), form, after=outcome.last)


def _in_batches(deed: Deed, rows: QuerySet[Any], outcome: Outcome) -> bool:
    """Do it to as many of the rows as one click goes through; return whether there are more."""
    until = time.monotonic() + BUDGET
    for ids in in_batches(rows, BATCH):
        batch = rows.model._default_manager.filter(pk__in=ids).defer(*heavy_fields(rows.model))
        deed.do(sorted(batch, key=lambda row: ids.index(row.pk)), outcome, until)
        if outcome.stopped:
            return False
        if outcome.tried >= MOST or time.monotonic() >= until:
            return outcome.last is not None and _rest(rows, outcome.last).exists()
    return False


def _rest(rows: QuerySet[Any], after: Any) -> QuerySet[Any]:
    """Return the rows that come after the key `after`, in the order of keys; all of them if it is no key."""
    keys = valid_keys(rows, [after]) if after else []
    return rows.filter(pk__gt=keys[0]) if keys else rows


def _deed(request: HttpRequest, action: RowAction, form: forms.Form | None) -> Deed:
    data = form.cleaned_data if form is not None else {}
    return Deed(action, actor_of(request, data.get("reason", "")), data, request.user.pk)


def _form(action: RowAction, request: HttpRequest, row: Any) -> forms.Form | None:
    if action.form is None:
        return None
    return action.form(request.POST) if request.method == "POST" else action.form(initial=action.initial(request, row))


def _unbound(action: RowAction, request: HttpRequest) -> forms.Form | None:
    return None if action.form is None else action.form(initial=action.initial(request, None))


def _ask_about_many(
    model_admin: "RowActions",
    request: HttpRequest,
    action: RowAction,
    rows: QuerySet[Any],
    form: forms.Form | None,
    *,
    after: Any = None,
) -> HttpResponse:
    select_across = request.POST.get("select_across") == "1"
    with statement_timeout(rows.db, ROWS_TIMEOUT):
        named = list(rows.defer(*heavy_fields(rows.model))[: NAMED + 1])
    # Django's list takes no action without a box that is ticked, select_across or not.
    selected = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    return _ask(
        model_admin,
        request,
        action,
        {
            "rows": named[:NAMED],
            "more": len(named) > NAMED,
            "count": None if select_across else len(selected),
            "most": MOST,
            "selected": selected,
            "select_across": select_across,
            "after": after or request.POST.get("after", ""),
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "back": request.get_full_path(),
            "form": form,
        },
    )


def _ask(model_admin: "RowActions", request: HttpRequest, action: RowAction, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(
        request,
        "admin/nullstore/confirm_action.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": action.label,
            "opts": model_admin.opts,
            "action": action,
            "media": model_admin.media,
            **context,
        },
    )
