"""The start page: how much there is, what came in, what waits and what failed; each figure a link to what it counts."""

import logging
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError
from django.http import HttpRequest

from nullstore.admin import outage
from nullstore.admin.frame import may_see_replication
from nullstore.admin.lists.timeouts import statement_timeout, timed_out
from nullstore.admin.start import charts, figures
from nullstore.admin.start.figures import FIGURES, Counted, Figure
from nullstore.admin.start.keeping import Shelf
from nullstore.databases import EREBUS, HOMES
from nullstore.groups import PURPOSES

logger = logging.getLogger(__name__)

#: Milliseconds that a statement of a figure may take.
TIMEOUT: Final = 500
#: How many of the person's own last actions are shown.
ACTIONS: Final = 10

#: What was counted, or why that took too long.
_kept: Final[Shelf[list[Counted] | str]] = Shelf()


def overview(request: HttpRequest) -> dict[str, Any]:
    """Return what the template of the start page shows to this person."""
    shown = [_shown(figure) for figure in FIGURES if _may_see(request, figure)]
    return {
        "numbers": [each for each in shown if each["kind"] == "number"],
        "charts": [each for each in shown if each["kind"] != "number"],
        "chart": {"width": charts.WIDTH, "height": charts.HEIGHT, "length": charts.LENGTH},
        "actions": _own_actions(request),
        "groups": [] if may_see_replication(request) else list(PURPOSES.items()),
    }


def expire() -> None:
    """Have the next page count what is kept for a minute. For benchmarks."""
    _kept.forget()


def forget() -> None:
    """Count everything anew. For tests."""
    expire()
    figures.forget()


def _may_see(request: HttpRequest, figure: Figure) -> bool:
    return admin.site.get_model_admin(apps.get_model(figure.model)).has_view_permission(request)


def _shown(figure: Figure) -> dict[str, Any]:
    """Return the figure for its template; where it cannot be had, the reason."""
    noun = apps.get_model(figure.model)._meta.verbose_name_plural
    named = {"name": figure.name, "title": figure.title, "kind": figure.kind, "noun": noun}
    alias = HOMES[figure.model.partition(".")[0]]
    if not outage.answers(alias):
        return {**named, "missing": f"{alias} does not answer."}
    try:
        made = _kept.get(figure.name, lambda: _load(figure, alias))
    except DatabaseError as error:
        return {**named, "missing": _reason(error, figure, alias)}
    if made is None:
        return {**named, "missing": "Being counted: reload the page."}
    if isinstance(made.value, str):
        return {**named, "missing": made.value}
    bars = charts.upright if figure.kind == "days" else charts.lying
    most = max((each.count for each in made.value), default=None)
    return {**named, "bars": bars(made.value), "at": made.at, "most": most}


def _load(figure: Figure, alias: str) -> list[Counted] | str:
    """Count; a count that took too long is not tried again by every page."""
    try:
        with statement_timeout(alias, TIMEOUT):
            return figure.load()
    except DatabaseError as error:
        if timed_out(error):
            return f"Not counted: {alias} took longer than {TIMEOUT / 1000:g} s for it."
        raise


def _reason(error: DatabaseError, figure: Figure, alias: str) -> str:
    if outage.is_outage(error):
        outage.look((alias,))
        return f"{alias} does not answer."
    logger.error("The figure %r cannot be had", figure.name, exc_info=error)
    return f"{alias} refuses to count it; the server's log says why."


def _own_actions(request: HttpRequest) -> list[LogEntry] | None:
    """Return what the person did last; None if erebus, which has the log, does not answer."""
    if not outage.answers(EREBUS):
        return None
    entries = LogEntry.objects.filter(user=request.user.pk).select_related("content_type").order_by("-pk")
    return list(entries[:ACTIONS])
