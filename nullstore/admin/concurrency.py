"""Two who write one row at the same time, be it people or services: the second is told, and nothing is overwritten.

The page carries a digest of each column that its form shows. On saving, the row is locked and compared with them.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, router, transaction
from django.http import HttpRequest
from django.utils.functional import cached_property

from nullstore.admin.show import moment

FIELD: Final = "row_as_shown"
#: Attribute of a request: what the database refused; its form is shown again.
REFUSAL: Final = "nullstore_refusal"
_NOT_SAID: Final = (
    "The form does not say which state of the row it was made from, so nothing was saved. Open the page again, "
    "and repeat your change there."
)
_CHANGED: Final = (
    "Nothing was saved: %(columns)s changed while you were editing, %(by)s. What you typed is still here; what you "
    "had left alone now shows the row as it is. Save again to have the row say what this page says, or open the "
    "page again to start from the row."
)
_SAYS_NOW: Final = "This changed while you were editing. The row now says: %(value)s"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page knew of its row: when it was made, and the digest of each column on it."""

    at: datetime
    columns: dict[str, str]


def written(columns: dict[str, str]) -> str:
    """Return for the page that it is made now, of a row with these digests."""
    return json.dumps([round(time.time(), 3), columns], separators=(",", ":"))


def read(text: Any) -> Shown | None:
    """Return what written() has written; None if this is something else."""
    try:
        at, columns = json.loads(text)
        return Shown(datetime.fromtimestamp(at, UTC), dict(columns))
    except (TypeError, ValueError, OverflowError, OSError, RecursionError):
        return None


class RowAsShown(forms.Field):
    """The hidden field for it. A page that is shown again was made from the row as it is now."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial


class GuardedForm(forms.ModelForm):
    """Refuses to save over what others wrote into the form's columns since the page was made."""

    row_as_shown = RowAsShown(required=False)
    #: Set by ConcurrentEdits: tells who changed the row since a moment. None = rows are not compared.
    who_changed: Callable[[datetime], str] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._present: dict[str, str] = {}
        if self.who_changed is None:
            del self.fields[FIELD]
        else:
            self._present = {name: _digest(self.fields[name], self._in_row(name)) for name in self._columns()}
            self.initial[FIELD] = written(self._present)

    @cached_property
    def changed_data(self) -> list[str]:
        """What was changed, but for what differs only in how a browser writes it: line breaks, blanks around a text."""
        same = {name for name, digest in self._present.items() if self._sent_digest(name) == digest}
        return [name for name in super().changed_data if name not in same]

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.who_changed is not None:
            self._compare(self.who_changed)
        return cleaned

    def _columns(self) -> list[str]:
        columns = {field.name for field in self.instance._meta.concrete_fields}
        return [name for name, field in self.fields.items() if name in columns and not field.disabled]

    def _in_row(self, name: str) -> Any:
        return self.get_initial_for_field(self.fields[name], name)

    def _compare(self, who_changed: Callable[[datetime], str]) -> None:
        shown = read(self.cleaned_data.get(FIELD))
        if shown is None:
            self.add_error(None, forms.ValidationError(_NOT_SAID, "unknown_row"))
            return
        changed = [name for name, digest in self._present.items() if shown.columns.get(name) != digest]
        if not changed:
            return
        columns = ", ".join(str(self[name].label) for name in changed)
        params = {"columns": columns, "by": who_changed(shown.at)}
        self.add_error(None, forms.ValidationError(_CHANGED, "changed_meanwhile", params))
        for name in changed:
            self._tell(name, shown)

    def _tell(self, name: str, shown: Shown) -> None:
        """Show the row's value beside what was typed, or in place of what was not touched."""
        field = self.fields[name]
        if name not in shown.columns or self._sent_digest(name) == shown.columns[name]:
            field.bound_data = lambda data, initial: initial  # type: ignore[method-assign]
            return
        value = _abridged(_canonical(field, self._in_row(name)))
        self.add_error(name, forms.ValidationError(_SAYS_NOW, "changed_meanwhile", {"value": value}))

    def _sent_digest(self, name: str) -> str | None:
        """Return the digest of what was sent; None if it is not valid."""
        cleaned: dict[str, Any] = getattr(self, "cleaned_data", {})
        return _digest(self.fields[name], cleaned[name]) if name in cleaned else None


def _digest(field: forms.Field, value: Any) -> str:
    return hashlib.blake2b(_canonical(field, value).encode("utf-8", "replace"), digest_size=9).hexdigest()


def _canonical(field: forms.Field, value: Any) -> str:
    """Return the same text for a column's value and for what a browser sends back of it."""
    if isinstance(field, forms.JSONField) or isinstance(value, list | tuple | dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    match value:
        case None:
            return ""
        case models.Model():
            return str(value.pk)
        case datetime():
            # Forms have no fractions of seconds.
            return value.astimezone(UTC).replace(microsecond=0).isoformat(" ")
        case Decimal():
            return f"{value.normalize():f}" if value.is_finite() else str(value)
        case _:
            return "\n".join(str(value).split("\r\n")).strip()


def _abridged(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


class ConcurrentEdits(admin.ModelAdmin):
    """Locks the row that a form is to change, and has the form compare it. Its form derives from GuardedForm."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not self.has_change_permission(request, found):
            return found
        alias = router.db_for_write(self.model)
        if hasattr(request, REFUSAL) or not transaction.get_connection(alias).in_atomic_block:
            return found
        # Anew: who held the lock may have written. Other tables may go on referring to the row.
        rows = self.get_queryset(request).using(alias).select_for_update(of=("self",), no_key=True)
        return rows.filter(pk=found.pk).first()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None and change and issubclass(form, GuardedForm):
            form.who_changed = staticmethod(partial(self.who_changed, obj))
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # Where an admin lists no fields, Django takes all of the form's.
        fieldsets: list[tuple[Any, dict[str, Any]]] = [
            (title, {**options, "fields": [name for name in options["fields"] if name != FIELD]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        if obj is not None and fieldsets and self.has_change_permission(request, obj):
            fieldsets[0][1]["fields"].append(FIELD)
        return fieldsets

    def who_changed(self, obj: Any, since: datetime) -> str:
        """Return who wrote the row after `since` (or so it seems), and when: "by ... at ..."."""
        entry = (
            LogEntry.objects.filter(
                content_type=ContentType.objects.get_for_model(self.model), object_id=obj.pk, action_time__gt=since
            )
            .select_related("user")
            .order_by("-action_time")
            .first()
        )
        if entry is not None:
            return f"by {entry.user.get_username()} at {moment(entry.action_time)}"
        updated = getattr(obj, "updated_at", None)
        return f"by a service or with SQL{f', at {moment(updated)}' if updated else ''}"
