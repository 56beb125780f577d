"""Filters into which one types."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Q

from nullstore.admin.lists.filters.base import FieldFilter, kept, link, without_null


class TextFilter(FieldFilter):
    """Base: a text box in a form of its own, which keeps the other parameters."""

    template = "admin/nullstore/filter_text.html"
    hint = ""

    def read(self) -> Q | None:
        return self.matching(without_null(self.value.strip())) if self.value.strip() else None

    def matching(self, value: str) -> Q:
        """Return the condition for what was typed. Raises ValidationError."""
        raise NotImplementedError

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        names = self.expected_parameters()
        yield {**link(changelist, "All", not self.value, names), "kept": kept(changelist, names)}


class Exact(TextFilter):
    """Exactly this value: `task_type=generic`."""

    suffixes = ("", "__exact")

    def matching(self, value: str) -> Q:
        longest = getattr(self.field, "max_length", None)
        if longest and len(value) > longest:
            raise ValidationError(f"No value of this column is longer than {longest} characters.")
        return Q((self.field_path, self.field.to_python(value)))


class HasTag(TextFilter):
    """Arrays that hold exactly this item: `tags=solana`."""

    hint = "One whole tag."

    def matching(self, value: str) -> Q:
        return Q((f"{self.field_path}__contains", [value]))


class ForeignId(TextFilter):
    """The whole UUID of another row: `user=...`. Of a column without a foreign key too."""

    suffixes = ("", "_id", "__exact", "__id__exact")
    hint = "A whole id."

    def matching(self, value: str) -> Q:
        try:
            return Q((self.field_path, UUID(value)))
        except ValueError:
            raise ValidationError(f"“{value[:100]}” is no id: a whole UUID, such as {UUID(int=0)}.") from None
