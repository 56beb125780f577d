"""Which of the databases does not answer. Known for some seconds, so that not every query of a page waits for it."""

import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Final

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from nullstore.databases import ALIASES
from nullstore.exceptions import DatabaseUnavailable
from nullstore.replication.connect import connect_as_django
from nullstore.replication.health.ends import in_thread

#: Seconds for which an answer is believed, that a look takes at most, and that a page waits for a look.
BELIEVED, LOOK, WAIT = 5.0, 2, 0.3
#: SQLSTATEs of a server that is not to be talked to: it shuts down, starts up, has no connection left.
_GONE: Final = ("08", "57P", "53300")


@dataclass(frozen=True, slots=True)
class _Seen:
    answers: bool
    at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < BELIEVED


_lock = threading.Lock()
_seen: dict[str, _Seen] = {}
_looks: dict[str, Future[bool]] = {}


def answers(alias: str) -> bool:
    """Return whether the database can be talked to, as found out in the last BELIEVED seconds."""
    seen = _seen.get(alias)
    if seen is None or (seen.answers and not seen.is_fresh):
        return _note(alias, _talks(alias))
    return seen.answers or not fails(alias)


def fails(alias: str) -> bool:
    """Return whether the database did not answer when it was last needed, and does not now. Never asks one that did.

    The longest wait is WAIT: a server that hangs is looked at in the background.
    """
    seen = _seen.get(alias)
    if seen is None or seen.answers:
        return False
    if not seen.is_fresh:
        try:
            return not _look(alias).result(WAIT)
        except NotYet:
            _note(alias, False)  # the look corrects it; until then the rest of the page does not wait again
    return True


def note_failure(alias: str) -> None:
    """Have no other part of the page wait for a database that has just failed; a look in the background corrects it."""
    _note(alias, False)
    _look(alias)


def look(aliases: tuple[str, ...] = ALIASES) -> list[str]:
    """Look at all of these at once, now; return those that do not answer within LOOK seconds."""
    looks = {alias: _look(alias) for alias in aliases}
    return [alias for alias, each in looks.items() if not each.result()]


def forget() -> None:
    """Begin anew: nothing is known of any database."""
    with _lock:
        _seen.clear()
        _looks.clear()


def is_outage(error: BaseException) -> bool:
    """Return whether the error says that a server is gone, not that it refused something or took too long."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(_GONE)


def address(alias: str) -> str:
    """Return host and port of the database; no user, no password."""
    return "{HOST}:{PORT}".format(**connections[alias].settings_dict)


def _talks(alias: str) -> bool:
    """Ask through the connection that the page is going to use anyway."""
    connection = connections[alias]
    try:
        connection.ensure_connection()
        # Inside a transaction that has failed, a question would be refused, which says nothing about the server.
        return connection.in_atomic_block or connection.is_usable()
    except DatabaseError:
        return False


def _look(alias: str) -> Future[bool]:
    """Start to look through a connection of its own, unless somebody does."""
    with _lock:
        future = _looks.get(alias)
        if future is None or future.done():
            future = _looks[alias] = in_thread(lambda: _note(alias, _lets_in(alias)))
        return future


def _lets_in(alias: str) -> bool:
    try:
        with connect_as_django(alias, connect_timeout=LOOK):
            return True
    except (DatabaseUnavailable, psycopg.Error):
        return False


def _note(alias: str, is_there: bool) -> bool:
    _seen[alias] = _Seen(is_there, time.monotonic())
    return is_there
