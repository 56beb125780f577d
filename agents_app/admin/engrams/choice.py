"""What the address of a page chooses: two versions to be compared, or a moment. Anything can stand there."""

from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from agents_app.engrams.changes import changes
from agents_app.engrams.lines import lines
from agents_app.engrams.trail import LARGEST, Said, Trail
from nullstore.adapters import named


def compared(query: QueryDict, trail: Trail, preferred: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return how the versions `from` and `to` of the query differ; by default `preferred`.

    Where there is no second one of these (an engram that is gone has none after its last), the last two.
    """
    offered = trail.newest
    numbers = {version.number for version in offered}
    context: dict[str, Any] = {"offered": offered, "numbers": numbers, "kept": {"at": query.get("at", "")}}
    if len(offered) < 2:
        return context
    if preferred is None or trail.said(preferred[1]) is None:
        preferred = offered[1].number, offered[0].number
    chosen, problems = _chosen(query, preferred)
    said = [trail.said(number) for number in chosen]
    problems += [f"There is no version {number}." for number, each in zip(chosen, said, strict=True) if each is None]
    context |= {"old": chosen[0], "new": chosen[1], "problems": list(dict.fromkeys(problems))}
    if said[0] is None or said[1] is None or chosen[0] == chosen[1]:
        return context
    return {**context, "difference": difference(said[0], said[1])}


def difference(old: Said, new: Said) -> dict[str, Any]:
    """Return how two versions differ: by path, by line, in the summary and in the tags."""
    return {
        "changes": changes(old.content, new.content),
        "lines": lines(old.content, new.content),
        "summary": lines(old.summary, new.summary),
        "tags_added": [tag for tag in new.tags if tag not in old.tags],
        "tags_removed": [tag for tag in old.tags if tag not in new.tags],
        "tags_reordered": old.tags != new.tags and sorted(old.tags) == sorted(new.tags),
    }


def _chosen(query: QueryDict, preferred: tuple[int, int]) -> tuple[list[int], list[str]]:
    chosen, problems = [], []
    for name, otherwise in zip(("from", "to"), preferred, strict=True):
        given = query.get(name, "").strip()
        number = as_version(given)
        if given and number is None:
            problems.append(f"“{given[:50]}” is no version: choose from the lists.")
        chosen.append(number or otherwise)
    return chosen, problems


def as_version(text: str) -> int | None:
    """Return the number of a version that `text` is; None if it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
    number = int(text) if is_number else 0
    return number if 1 <= number <= LARGEST else None


def looked_back(query: QueryDict, trail: Trail) -> dict[str, Any]:
    """Return the number of the version that was current at the moment `at` of the query, or why there is none."""
    given = query.get("at", "").strip()
    context: dict[str, Any] = {
        "given": given,
        "zone": timezone.get_current_timezone_name(),
        "kept": {name: query.get(name, "") for name in ("from", "to")},
    }
    if not given:
        return context
    moment = as_moment(given)
    if moment is None:
        return {**context, "problem": f"“{given[:50]}” is no moment. Write it as 2026-01-31T12:00."}
    number = trail.version_at(moment)
    if number is not None:
        return {**context, "moment": moment, "number": number, "doubt": _doubt(trail, number)}
    return {**context, "problem": _why_nothing(trail, moment)}


def _doubt(trail: Trail, number: int) -> str:
    """Return why the version may not have been there yet; "" if it was."""
    if trail.engram is not None or not trail.is_first(number):
        return ""
    return (
        "The engram is gone, and when it was made is not known: at that moment it said nothing yet, or what its first "
        f"version that is known, {number}, says:"
    )


def _why_nothing(trail: Trail, moment: datetime) -> str:
    if trail.engram is None:
        return "The engram was deleted before that moment."
    created = trail.engram.created_at
    if name := named(created):
        return f"The engram did not exist yet: it was made at {name}."
    return f"The engram did not exist yet: it was made on {created:%Y-%m-%d} at {created:%H:%M:%S} {created:%Z}."


def as_moment(text: str) -> datetime | None:
    """Return the moment that `text` is, in the site's time zone where it names none; None if it is none."""
    try:
        day = parse_date(text)
        moment = datetime.combine(day, datetime.min.time()) if day else parse_datetime(text)
    except ValueError:
        return None
    # Elsewhere calendars end: a conversion between time zones fails there.
    if moment is None or not 1900 <= moment.year <= 9000:
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
