"""Whether each database lets the runtime role in and answers: both asked at once, in bounded time."""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Final

import psycopg

from nullstore.exceptions import DatabaseUnavailable
from nullstore.replication.conninfo import without_secrets
from nullstore.replication.health.ends import End, in_thread, unreachable

#: Seconds that a database has to answer, and for which an answer is good for others who ask.
PATIENCE: Final = 3.0
FRESH: Final = 1.0


@dataclass(frozen=True, slots=True)
class Reached:
    """`error` is "" of a database that answers; it holds no password. `seconds` is how long the answer took."""

    error: str
    seconds: float

    @property
    def up(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class _Asked:
    future: Future[Reached]
    at: float

    @property
    def is_good(self) -> bool:
        """Tell whether nobody needs to ask anew: the answer is on its way, or has just come."""
        return not self.future.done() or time.monotonic() - self.at < FRESH


_lock = threading.Lock()
_asked: dict[str, _Asked] = {}


def reach(aliases: Iterable[str]) -> Mapping[str, Reached]:
    """Return by alias whether the database answers. A server that is frozen costs PATIENCE, and one thread."""
    asked = {alias: _ask(alias) for alias in aliases}
    until = time.monotonic() + PATIENCE
    return {alias: _result(each, until) for alias, each in asked.items()}


def forget() -> None:
    """Begin anew. For tests, whose databases change between two requests."""
    with _lock:
        _asked.clear()


def _ask(alias: str) -> Future[Reached]:
    with _lock:
        asked = _asked.get(alias)
        if asked is None or not asked.is_good:
            asked = _asked[alias] = _Asked(in_thread(lambda: _talk(alias)), time.monotonic())
        return asked.future


def _result(asked: Future[Reached], until: float) -> Reached:
    try:
        return asked.result(max(until - time.monotonic(), 0.0))
    except NotYet:
        return Reached(f"no answer within {PATIENCE:g} s", PATIENCE)


def _talk(alias: str) -> Reached:
    began = time.monotonic()
    try:
        End(alias, PATIENCE, as_django=True).close()
    except (DatabaseUnavailable, psycopg.Error, OSError) as error:
        return Reached(without_secrets(unreachable(alias, error).message), time.monotonic() - began)
    return Reached("", time.monotonic() - began)
