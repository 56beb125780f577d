"""What goes along with a row that is to be deleted, counted within bounds instead of loaded."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from nullstore.admin.lists.columns import heavy_fields
from nullstore.admin.lists.counts import bounded_count
from nullstore.admin.show import row_link

#: Up to how many rows of another table are counted.
COUNTED: Final = 1_000
#: How many of the rows that keep others from being deleted are named.
NAMED: Final = 20


class BoundedDeletion(admin.ModelAdmin):
    """Asks before a deletion with numbers of what goes along; Django would load and name every row, whole.

    For tables of which nothing that goes along takes further rows along.
    """

    #: Models whose rows go along although nobody may delete them by themselves.
    parts: tuple[type[models.Model], ...] = ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return the rows as links, numbers by table, names of what one may not delete, and what is in the way."""
        rows = list(objs)
        counts = {self.opts.verbose_name_plural: f"{len(rows):,}"}
        lacking = {self.opts.verbose_name for row in rows if not self.has_delete_permission(request, row)}
        for model, related in _related(rows, models.CASCADE):
            number = bounded_count(related, COUNTED)
            if number:
                counts[model._meta.verbose_name_plural] = str(number)
            if number and not self._may_go_along(request, model):
                lacking.add(model._meta.verbose_name)
        in_the_way = [said for _, related in _related(rows, models.PROTECT) for said in _named(related)]
        return [_link(row) for row in rows], counts, lacking, in_the_way

    def _may_go_along(self, request: HttpRequest, model: type[models.Model]) -> bool:
        if model in self.parts or not self.admin_site.is_registered(model):
            return True
        return self.admin_site.get_model_admin(model).has_delete_permission(request)


def _related(
    rows: Sequence[models.Model], on_delete: Any
) -> Iterator[tuple[type[models.Model], QuerySet[models.Model]]]:
    """Yield the models that refer to the rows with this on_delete, each with its rows that do."""
    if not rows:
        return
    for relation in rows[0]._meta.related_objects:
        if relation.on_delete is on_delete:
            model: Any = relation.related_model
            yield model, model._base_manager.filter(**{f"{relation.field.name}__in": [row.pk for row in rows]})


def _named(rows: QuerySet[models.Model]) -> Iterator[str]:
    """Yield the first rows as links, and how many there are in all if these are not all."""
    found = list(rows.defer(*heavy_fields(rows.model))[: NAMED + 1])
    yield from (_link(row) for row in found[:NAMED])
    if len(found) > NAMED:
        yield f"… {bounded_count(rows, COUNTED)} {rows.model._meta.verbose_name_plural} in all"


def _link(row: models.Model) -> SafeString:
    return format_html("{}: {}", capfirst(row._meta.verbose_name), row_link(row._meta.label, row.pk, row))
