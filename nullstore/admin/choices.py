"""Columns with a list of choices, where services may have written a value that is not on it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

Shown = str | Callable[..., Any]


class ForeignChoices(admin.ModelAdmin):
    """Shows such a value as it is: Django's admin shows a dash for it, as if there were none."""

    def get_list_display(self, request: HttpRequest) -> list[Shown]:
        return [self._shown(name) for name in super().get_list_display(request)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        form = context["adminform"]
        shown = {name: self._shown(name) for name in form.readonly_fields}
        form.readonly_fields = list(shown.values())
        form.fieldsets = [
            (title, {**options, "fields": [shown.get(name, name) for name in options["fields"]]})
            for title, options in form.fieldsets
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def _shown(self, name: Any) -> Shown:
        """Return a function that gives the label of the column `name`; `name` itself if it has no choices."""
        field = next((field for field in self.opts.concrete_fields if field.name == name), None)
        if field is None or not field.choices:
            return name  # type: ignore[no-any-return]

        @admin.display(description=field.verbose_name, ordering=field.name)
        def shown(obj: models.Model) -> Any:
            return getattr(obj, f"get_{field.name}_display")()

        # The admin calls the column, its style and its help text by this name.
        shown.__name__ = field.name
        return shown
