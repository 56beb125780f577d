"""One end of replication, asked on a connection of its own, within bounded time even if its server is frozen."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property, partial
from typing import TypeVar

import psycopg
from django.db import connections
from psycopg import errors, sql

from nullstore.exceptions import DatabaseUnavailable
from nullstore.replication import catalog
from nullstore.replication.connect import address_of, connect, connect_as_django
from nullstore.replication.health.facts import Unreachable
from nullstore.replication.health.verdict import Unseen

T = TypeVar("T")

#: Seconds for making a connection, for one query, and for a lock that a query needs.
CONNECT, QUERY, LOCK = 3, 2.0, 0.5
#: Where the URL names several servers, for each of them: the next one has to have its turn. libpq takes no less.
CONNECT_EACH = 2


class End:
    """A connection to the database of `alias` that is cut after `seconds`, and what could not be seen through it.

    The server's own timeouts do not help where the server is frozen, so a timer shuts the socket, which ends every
    wait on it with an OperationalError. `as_django` goes through a pooler if Django does. Raises DatabaseUnavailable.
    """

    def __init__(self, alias: str, seconds: float, *, as_django: bool = False) -> None:
        self.alias = alias
        self.unseen: list[Unseen] = []
        way = connect_as_django if as_django else connect
        several = "," in f"{address_of(alias)} {connections[alias].settings_dict['HOST']}"
        timeout = CONNECT_EACH if several else CONNECT
        self.connection = _connected(partial(way, alias, connect_timeout=timeout, application_name="nullstore status"))
        self._socket = socket.socket(fileno=os.dup(self.connection.fileno()))
        self._timer = threading.Timer(0, self._cut)
        self.allow(seconds)
        limits = sql.SQL("SET statement_timeout = {}; SET lock_timeout = {}; SET search_path = public")
        try:
            # What is set would stay with a pooler's session.
            self.connection.execute(
                sql.SQL("SELECT 1") if as_django else limits.format(f"{QUERY}s", f"{LOCK}s"),
            )
        except BaseException:
            self.close()
            raise

    def allow(self, seconds: float) -> None:
        """Cut the connection that many seconds from now, and not before."""
        self._timer.cancel()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def ask(
        self,
        what: str,
        question: Callable[[psycopg.Connection], T],
        otherwise: T,
        grant: str = "",
        *,
        seconds: float = QUERY,
    ) -> T:
        """Return the answer, or `otherwise` where the role may not ask or it takes too long; unseen has it then.

        Raises psycopg.OperationalError if the server is gone.
        """
        self.connection.execute(sql.SQL("SET statement_timeout = {}").format(f"{seconds}s"))
        try:
            return question(self.connection)
        except errors.InsufficientPrivilege as error:
            self._miss(what, error.diag.message_primary or str(error), grant)
        except errors.QueryCanceled:
            self._miss(what, f"{self.alias} did not answer within {seconds:g} s")
        except errors.LockNotAvailable:
            self._miss(what, f"a lock on {self.alias} was not to be had within {LOCK:g} s")
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            self._miss(what, error.diag.message_primary or str(error))
        return otherwise

    @property
    def role(self) -> str:
        """The role that is logged in, as SQL has it."""
        return sql.Identifier(self.connection.info.user).as_string()

    def _miss(self, what: str, why: str, grant: str = "") -> None:
        self.unseen.append(Unseen(what, why, grant))

    @cached_property
    def may_ask_progress(self) -> bool:
        return catalog.may_ask_progress(self.connection)

    def close(self) -> None:
        self._timer.cancel()
        self.connection.close()
        self._socket.close()

    def _cut(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server, or close(), was faster
            return


def _connected(connect: Callable[[], psycopg.Connection]) -> psycopg.Connection:
    """Return a connection, at the second attempt if the first was closed from there.

    Whoever a server is dying on hears only that it hung up; to who asks again it says why, or is not there any more.
    """
    try:
        return connect()
    except DatabaseUnavailable as error:
        if "closed the connection" not in str(error):
            raise
        return connect()


def place(alias: str) -> str:
    """Say where the database of `alias` is."""
    return f"{address_of(alias)}/{connections[alias].settings_dict['NAME']}"


def unreachable(alias: str, error: BaseException) -> Unreachable:
    """Say of the database of `alias` why it cannot be looked at."""
    said = str(error).strip()
    if isinstance(error, DatabaseUnavailable) and isinstance(error.__cause__, psycopg.Error):
        said = str(error.__cause__).strip()
    return Unreachable(place(alias), " ".join(said.split()) or type(error).__name__)


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Start `work` on a thread that does not keep the process alive: looking up a host's name cannot be cut short."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
