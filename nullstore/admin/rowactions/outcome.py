"""What came of an action, row by row, and how it is told and logged."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join, strip_tags
from django.utils.safestring import SafeString

from nullstore.actor import Actor
from nullstore.admin.lists.timeouts import timed_out
from nullstore.admin.outage import is_outage
from nullstore.admin.refusals import one_transaction, refusal_text
from nullstore.admin.rowactions.action import RowAction
from nullstore.exceptions import ActionRefused

#: How many refused rows, and how many additional sentences, an answer names; it counts them all.
NAMED: Final = 10


@dataclass(slots=True)
class Outcome:
    """The rows to which it was done, and those to which it was not, with the reason.

    `last` is the key of the row that was tried last; `stopped` says why no further one was, if an error was the reason.
    """

    done: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    refused_count: int = 0
    said: list[str] = field(default_factory=list)
    last: Any = None
    stopped: str = ""

    @property
    def tried(self) -> int:
        return self.done + self.refused_count

    def refuse(self, row: Any, why: str) -> None:
        self.refused_count += 1
        if len(self.refused) < NAMED:
            self.refused.append((str(row), why))

    def add(self, said: str | None) -> None:
        self.done += 1
        if said and len(self.said) < NAMED:
            self.said.append(said)


@dataclass(frozen=True, slots=True)
class Deed:
    """An action that one person does, with what the form asked for."""

    action: RowAction
    actor: Actor
    data: dict[str, Any]
    user_id: Any

    def do(self, rows: Iterable[models.Model], outcome: Outcome, until: float) -> None:
        """Do it to one row after the other and add to `outcome`, until they end or time.monotonic() is `until`."""
        for row in rows:
            self._do_to(row, outcome)
            outcome.last = row.pk
            if outcome.stopped or time.monotonic() >= until:
                return

    def _do_to(self, row: models.Model, outcome: Outcome) -> None:
        """Do it, and write the admin's log of it: both or neither."""
        try:
            with one_transaction(type(row)):
                said = self.action.run(row.pk, self.actor, self.data)
                LogEntry.objects.log_actions(self.user_id, [row], CHANGE, self._logged(said))
        except (ActionRefused, ObjectDoesNotExist) as error:
            outcome.refuse(row, str(error))
        except DatabaseError as error:
            outcome.refuse(row, self._why(error, row))
            if is_outage(error):
                outcome.stopped = f"Stopped at {row}: a database does not answer any more."
        else:
            outcome.add(said)

    def _why(self, error: DatabaseError, row: models.Model) -> str:
        """Say why the database did not do it. Raises the error if it is up to neither the person nor the moment."""
        if timed_out(error):
            return "it took too long and was stopped; try again"
        if is_outage(error):
            return "the database does not answer"
        text = refusal_text(error, type(row))
        if text is None:
            raise error
        return text

    def _logged(self, said: str | None) -> str:
        reason = f"Reason: {self.actor.reason}" if self.actor.reason else ""
        return " ".join(part for part in (f"{self.action.done}.", strip_tags(said or ""), reason) if part)


def tell(request: HttpRequest, action: RowAction, outcome: Outcome, name: Callable[[int], str]) -> None:
    """Say what was done and what was not; `name` gives the model's name for so many rows."""
    if outcome.done:
        said = format_html_join("", " {}", ((each,) for each in outcome.said))
        done = format_html("{}: {} {}.{}", action.done, f"{outcome.done:,}", name(outcome.done), said)
        messages.success(request, done)
    if outcome.refused_count:
        messages.warning(request, _refusals(outcome, name))
    if not outcome.tried:
        messages.warning(request, "Nothing was done: none of the rows chosen is there any more.")
    if outcome.stopped:
        messages.error(request, f"{outcome.stopped} What comes after it was not touched.")


def _refusals(outcome: Outcome, name: Callable[[int], str]) -> SafeString:
    reasons = format_html_join("; ", "{}: {}", ((row, why.rstrip(".")) for row, why in outcome.refused))
    more = outcome.refused_count - len(outcome.refused)
    return format_html(
        "Not done to {} {}: {}{}.",
        f"{outcome.refused_count:,}",
        name(outcome.refused_count),
        reasons,
        f"; and {more:,} more" if more else "",
    )
