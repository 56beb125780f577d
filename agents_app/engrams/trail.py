"""The versions of an engram: what each said, since when, who wrote it and why.

engram_history tells of version N who *replaced* it: that is who wrote version N + 1.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from django.db.models import Func, QuerySet, TextField

from agents_app.models import Engram, EngramHistory

#: The largest number that the column has room for.
LARGEST: Final = 2**31 - 1
#: How many versions a page knows; the history has them all.
NEWEST: Final = 100

#: Deeper documents are not indented: that would take more room than all they say.
_TEXT: Final = Func(
    "content",
    template=(
        "CASE WHEN %(expressions)s @? '$.**{50}' THEN %(expressions)s::text ELSE jsonb_pretty(%(expressions)s) END"
    ),
    output_field=TextField(),
)


class Version(NamedTuple):
    """A version, and who wrote it; None where nobody has recorded that.

    `history_id` is None for the current one, `previous` for the first one.
    """

    number: int
    written_at: datetime | None
    written_by: str | None
    why: str | None
    history_id: UUID | None
    previous: int | None


class Said(NamedTuple):
    """What a version says; `content` is JSON, indented by PostgreSQL, which loses no digit."""

    content: str
    summary: str
    tags: list[str]


@dataclass
class Trail:
    """The trail of one engram, which may be gone: then `engram` is None."""

    engram_id: UUID
    engram: Engram | None
    _said: dict[int, Said | None] = field(default_factory=dict)

    @classmethod
    def of(cls, engram_id: UUID) -> Self:
        return cls(engram_id, Engram.objects.defer("content").filter(pk=engram_id).first())

    @property
    def history(self) -> QuerySet[EngramHistory]:
        return EngramHistory.objects.filter(engram_id=self.engram_id)

    @cached_property
    def last_row(self) -> EngramHistory | None:
        """The newest row of the history; of an engram that is gone it says who deleted it, and when."""
        return self.history.order_by("-version").defer("content").first()

    @property
    def latest(self) -> int | None:
        """The number of the newest version there is."""
        if self.engram is not None:
            return self.engram.version
        return self.last_row.version if self.last_row else None

    def versions(self, limit: int) -> list[Version]:
        """Return the `limit` newest versions, newest first."""
        rows = self.history.order_by("-version").defer("content", "summary", "tags")
        ahead = list(rows[: limit + 1])
        by_number = {row.version: row for row in ahead}
        numbers = list(by_number)
        # A service may have written the history's row before its update: then both have the current version.
        if self.engram is not None and self.engram.version not in by_number:
            numbers.insert(0, self.engram.version)
        first = numbers[-1] if len(ahead) <= limit and numbers else None
        return [self._version(number, by_number, is_first=number == first) for number in numbers[:limit]]

    def _version(self, number: int, rows: dict[int, EngramHistory], *, is_first: bool) -> Version:
        is_current = self.engram is not None and number == self.engram.version
        history_id = None if is_current else rows[number].pk
        if (replaced := rows.get(number - 1)) is not None:
            why = replaced.change_reason
            return Version(number, replaced.created_at, replaced.changed_by, why, history_id, replaced.version)
        if is_first and self.engram is not None:
            return Version(number, self.engram.created_at, self.engram.created_by, "created", history_id, None)
        return Version(number, None, None, None, history_id, None)

    @cached_property
    def newest(self) -> list[Version]:
        """The NEWEST newest versions, newest first."""
        return self.versions(NEWEST)

    def said(self, number: int) -> Said | None:
        """Return what the version says, None if there is none of this number."""
        if number not in self._said:
            self._said[number] = self._read(number)
        return self._said[number]

    def _read(self, number: int) -> Said | None:
        past = self.history.filter(version=number)
        if self.engram is None or self.engram.version != number:
            return _said(past)
        # Where it has just been replaced, it has moved to the history.
        return _said(Engram.objects.filter(pk=self.engram_id, version=number)) or _said(past)

    def version_at(self, moment: datetime) -> int | None:
        """Return the version that was current at `moment`; None before the engram was made and after it was deleted.

        When one that is gone was made nobody knows: before its first version there may have been nothing.
        """
        if self.engram is not None and moment < self.engram.created_at:
            return None
        replaced_later = (
            self.history.filter(created_at__gt=moment).order_by("version").values_list("version", flat=True)
        )
        past = replaced_later.first()
        return past if past is not None or self.engram is None else self.engram.version

    def is_first(self, number: int) -> bool:
        """Return whether the history knows nothing before this version."""
        return not self.history.filter(version__lt=number).exists()


def _said(rows: QuerySet[Any]) -> Said | None:
    row = rows.annotate(text=_TEXT).values_list("text", "summary", "tags").first()
    return Said(row[0], row[1] or "", row[2]) if row else None
