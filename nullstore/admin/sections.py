"""Parts of a row's page beside its form, each read by itself: one that cannot be had does not take the page along."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.db import InterfaceError, OperationalError, models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from nullstore.admin.lists.timeouts import statement_timeout, timed_out
from nullstore.admin.outage import answers, is_outage, note_failure
from nullstore.databases import HOMES

#: Milliseconds that the statements of one section may take.
TIMEOUT: Final = 1000

Sections = Sequence["Section"]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page: `template` rendered with what `load` returns, read from the database `alias`."""

    title: str
    template: str
    load: Callable[[], dict[str, Any]]
    id: str
    alias: str

    def render(self, request: HttpRequest) -> SafeString:
        """Return its HTML; if the database does not answer, or not in time, a sentence that says so."""
        return render_to_string("admin/nullstore/section.html", {"section": self, **self._content(request)})

    def _content(self, request: HttpRequest) -> dict[str, Any]:
        if not answers(self.alias):
            return {
                "missing": f"The database {self.alias} does not answer; what it has to say about this is missing here."
            }
        try:
            with statement_timeout(self.alias, TIMEOUT):
                return {"content": render_to_string(self.template, self.load(), request)}
        except (OperationalError, InterfaceError) as error:
            if is_outage(error):
                note_failure(self.alias)
            return {"missing": _missing(self.alias, error)}


def _missing(alias: str, error: OperationalError | InterfaceError) -> str:
    if timed_out(error):
        return f"The database {alias} took longer than {TIMEOUT / 1000:g} s for this; reload the page to try again."
    return f"The database {alias} does not answer; what it has to say about this is missing here."


#: Sections that another app adds to the page of a model, by its label: the apps do not import each other.
_ADDED: dict[str, list[Callable[[HttpRequest, Any], Section | None]]] = {}


def add_section(label: str, section: Callable[[HttpRequest, Any], Section | None]) -> None:
    """Have the page of a row of the model `label` (`app.Model`) end with what `section` returns for it, if anything."""
    _ADDED.setdefault(label, []).append(section)


class Sectioned(admin.ModelAdmin):
    """Shows sections above and below the form of a row."""

    change_form_template = "admin/nullstore/change_form.html"

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        """Return what stands above the form."""
        return ()

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        """Return what stands below the form."""
        return ()

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None and context.get("original") is not None:
            added = (make(request, obj) for make in _ADDED.get(self.opts.label, []))
            below = [*self.sections_below(request, obj), *(section for section in added if section)]
            above = self.sections_above(request, obj)
            if context.get("errors"):
                # What is wrong with what was typed comes first.
                above, below = (), [*above, *below]
            context["sections_above"] = [section.render(request) for section in above]
            context["sections_below"] = [section.render(request) for section in below]
        return super().render_change_form(request, context, *args, **kwargs)


def home_of(model: type[models.Model]) -> str:
    """Return the alias of the database that has the model's table."""
    return HOMES[model._meta.app_label]
