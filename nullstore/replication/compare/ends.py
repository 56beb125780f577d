"""The two connections of a comparison, asked at once, and with the settings on which text forms depend."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from nullstore.databases import USER_SYNC
from nullstore.replication.connect import connect

#: Called now and then while the servers work; raises to give up.
Tick = Callable[[], None]
Rows = list[tuple[Any, ...]]

_PINNED: Final = {
    # What text forms depend on.
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "client_encoding": "UTF8",
    "search_path": "",
    "quote_all_identifiers": "off",
    # Rows that a policy hides are an error, not rows that are missing.
    "row_security": "off",
    # A big table takes minutes; a lock that a migration holds is waited for no longer than this.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "lock_timeout": "10s",
    "jit": "off",
}
_KEEPALIVE: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def open_end(alias: str, *, writable: bool = False, **extra: Any) -> psycopg.Connection:
    """Return a connection of its own to `alias`, read-only unless `writable`. `extra` are further libpq parameters.

    Raises DatabaseUnavailable.
    """
    connection = connect(alias, **_KEEPALIVE, **extra)
    settings = {**_PINNED, "default_transaction_read_only": "off" if writable else "on"}
    pin = "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS setting (name, value)"
    connection.execute(pin, [list(settings), list(settings.values())])
    return connection


class Ends:
    """A connection to the source's server and one to the replica's. On leaving, what still runs is cancelled.

    `snapshot`, exported by another session of the source's server, is what is seen of the source.
    """

    def __init__(self, *, writable: bool = False, snapshot: str | None = None) -> None:
        with ExitStack() as stack:
            self.source = stack.enter_context(closing(open_end(USER_SYNC.publisher, writable=writable)))
            if snapshot is not None:
                self.source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                self.source.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            self.replica = stack.enter_context(closing(open_end(USER_SYNC.subscriber, writable=writable)))
            self._threads = stack.enter_context(ThreadPoolExecutor(2, thread_name_prefix="compare"))
            stack.callback(self._cancel)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def both(self, source: sql.Composed, replica: sql.Composed, *, tick: Tick) -> tuple[Rows, Rows]:
        """Run a query on each side at the same time; return what each gave."""
        running = [
            self._threads.submit(_fetch, connection, query)
            for connection, query in ((self.source, source), (self.replica, replica))
        ]
        while (state := wait(running, timeout=0.5, return_when=FIRST_EXCEPTION)).not_done:
            for ended in state.done:
                ended.result()  # raises what ended it
            tick()
        return running[0].result(), running[1].result()

    def _cancel(self) -> None:
        for connection in (self.source, self.replica):
            if connection.info.transaction_status == TransactionStatus.ACTIVE:
                with suppress(psycopg.Error):  # a server that is gone has nothing to cancel
                    connection.cancel_safe(timeout=5)


def _fetch(connection: psycopg.Connection[tuple[Any, ...]], query: sql.Composed) -> Rows:
    with connection.cursor(binary=True) as cursor:
        return cursor.execute(query).fetchall()
