"""What every page shows around its subject: which installation it is, how replication is, where the databases are."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from nullstore import conf
from nullstore.admin import outage
from nullstore.admin.show import duration
from nullstore.admin.staff import Recalled
from nullstore.admin.watching import watch
from nullstore.databases import ALIASES
from nullstore.door.gate import is_verified
from nullstore.groups import SEES_REPLICATION
from nullstore.replication.health import Verdict

#: Seconds from which a verdict is called old.
OLD: Final = 60.0

_SYMBOLS: Final = {"ok": "✓", "syncing": "↻", "lagging": "◷", "broken": "✕", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Badge:
    """The verdict on replication: a word, a symbol, how old it is, and the page that explains it (None: not there)."""

    word: str
    age: float
    url: str | None

    @property
    def symbol(self) -> str:
        return _SYMBOLS[self.word]

    @property
    def is_old(self) -> bool:
        return self.age >= OLD

    @property
    def when(self) -> str:
        """Say from when it is."""
        if self.word == "unknown":
            return "being looked at"
        return f"seen {duration(int(self.age) * 1000)} ago" if self.age >= 1 else "seen just now"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is, without user and password, and whether it is known not to answer."""

    alias: str
    address: str
    missing: bool


def may_see_replication(request: HttpRequest) -> bool:
    """Return whether who sends `request` may see how replication is, which nullstore.groups says of every group."""
    try:
        return bool(request.user.has_perm(SEES_REPLICATION))
    except DatabaseError:  # asked for the page about just this
        return False


class Frame:
    """For the templates; each part is only looked at where it is shown."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    environment = property(lambda self: conf.environment())
    colour = property(lambda self: conf.environment_colour())
    two_factor = property(lambda self: conf.two_factor())

    @cached_property
    def staff(self) -> bool:
        """Whether the page is for a member of staff who is logged in."""
        user = getattr(self._request, "user", None)
        try:
            return bool(user and user.is_active and user.is_staff and is_verified(self._request))
        except DatabaseError:
            return False

    @cached_property
    def sees_replication(self) -> bool:
        """Whether the page is for somebody who may see how replication is, and where the databases are."""
        return self.staff and may_see_replication(self._request)

    @cached_property
    def recalled(self) -> Recalled | None:
        """Who is looking, if erebus cannot be asked and the person is known from before."""
        user: Any = self._request.user
        return user if self.staff and isinstance(user, Recalled) else None

    @cached_property
    def badge(self) -> Badge:
        look, url = watch.glance(), _replication_page()
        if self.missing:
            # Known since the latest look.
            return Badge(Verdict.BROKEN, 0.0, url)
        return Badge(look.health.verdict, look.age, url) if look else Badge("unknown", 0.0, url)

    @cached_property
    def places(self) -> list[Place]:
        return [Place(alias, outage.address(alias), outage.fails(alias)) for alias in ALIASES]

    @property
    def missing(self) -> list[Place]:
        """The databases that do not answer."""
        return [place for place in self.places if place.missing]


def _replication_page() -> str | None:
    try:
        return reverse("admin:replication")
    except NoReverseMatch:
        return None


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `frame` in every template that is rendered for a request."""
    return {"frame": Frame(request)}
