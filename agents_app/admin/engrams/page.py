"""The sections of an engram's page, and of the page of one of its past versions."""

from functools import partial
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest

from agents_app.admin.engrams.choice import compared, looked_back
from agents_app.engrams.lineage import lineage
from agents_app.engrams.trail import Said, Trail
from agents_app.models import Engram, EngramHistory
from nullstore.admin.sections import Section
from nullstore.databases import AGENTS
from nullstore.fields import Unreadable, read_document

_TEMPLATES: Final = "admin/agents_app/engram"
#: How many versions the page lists.
VERSIONS: Final = 15
#: Characters of a document that is shown as plain text.
PLAIN: Final = 20_000


def sections_of_engram(request: HttpRequest, engram: Engram, revert_url: str) -> list[Section]:
    """Return what an engram says, its versions, how two of them differ, what it said at a moment, and its lineage."""
    trail = Trail(engram.pk, engram)
    return [
        _section("What it says", "content", partial(what_it_says, trail, engram.version)),
        _section("Versions", "versions", partial(_versions, trail, revert_url)),
        _section("Differences", "differences", partial(compared, request.GET, trail)),
        _section("What it said at a moment", "moment", partial(_at_a_moment, request, trail)),
        _section("Lineage", "lineage", partial(_lineage, engram)),
    ]


def sections_of_version(request: HttpRequest, row: EngramHistory) -> list[Section]:
    """Return what a past version said, how it differs from the next one, and the trail that it belongs to."""
    trail = Trail.of(row.engram_id)
    successor = row.version + 1
    return [
        _section("What it said", "content", partial(what_it_says, trail, row.version)),
        _section("Differences", "differences", partial(compared, request.GET, trail, (row.version, successor))),
        _section("Versions", "versions", partial(_versions, trail, "")),
        _section("What it said at a moment", "moment", partial(_at_a_moment, request, trail)),
    ]


def _section(title: str, template: str, load: Any) -> Section:
    return Section(title, f"{_TEMPLATES}/{template}.html", load, f"engram-{template}", AGENTS)


def what_it_says(trail: Trail, number: int) -> dict[str, Any]:
    """Return what the templates need to show what the version says."""
    said = trail.said(number)
    return {"number": number, "is_latest": number == trail.latest, "trail": trail, **_readable(said)}


def _readable(said: Said | None) -> dict[str, Any]:
    if said is None:
        return {"said": None}
    document = read_document(said.content)
    if isinstance(document, Unreadable):
        return {"said": said, "why": document.why, "plain": said.content[:PLAIN], "is_cut": len(said.content) > PLAIN}
    return {"said": said, "document": document}


def _versions(trail: Trail, revert_url: str) -> dict[str, Any]:
    return {
        "trail": trail,
        "versions": trail.newest[:VERSIONS],
        "more": len(trail.newest) > VERSIONS,
        "revert_url": revert_url,
    }


def _at_a_moment(request: HttpRequest, trail: Trail) -> dict[str, Any]:
    found = looked_back(request.GET, trail)
    number = found.get("number")
    return {**found, **(what_it_says(trail, number) if number else {})}


def _lineage(engram: Engram) -> dict[str, Any]:
    root_id: UUID | None = engram.lineage_root_id
    is_orphan = engram.parent_id is None and root_id not in (None, engram.pk)
    return {"engram": engram, "lineage": lineage(engram), "is_orphan": is_orphan}
