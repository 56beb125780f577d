"""Timelines of the publishing server: a standby that is promoted begins a new one."""

import re
from dataclasses import dataclass

import psycopg
from psycopg import sql

from nullstore.replication.catalog.query import Connection, first_row


@dataclass(frozen=True, slots=True)
class Timeline:
    """The timeline that a server writes, and the byte of the WAL at which it left the one before; None for the first.

    From there on the two are different histories.
    """

    number: int
    begins: int | None


def in_recovery(connection: Connection) -> bool:
    """Tell whether the server is a standby that has not been promoted."""
    return first_row(connection, "SELECT pg_is_in_recovery()") == (True,)


def timeline(walsender: psycopg.Connection) -> Timeline:
    """Return the timeline of the server. `walsender` is a replication connection; it needs the right to replicate."""
    row = walsender.execute("IDENTIFY_SYSTEM").fetchone()
    assert row is not None
    number = int(row[1])
    if number == 1:
        return Timeline(1, None)
    history = walsender.execute(sql.SQL("TIMELINE_HISTORY {}").format(number)).fetchone()
    assert history is not None
    content = history[1] if isinstance(history[1], str) else bytes(history[1]).decode()
    return Timeline(number, last_switch(content))


def last_switch(history: str) -> int | None:
    """Return the byte of the WAL of the last switch in a history file, whose lines are: timeline, position, why."""
    found = re.findall(r"^\s*\d+\s+([0-9A-Fa-f]+)/([0-9A-Fa-f]+)", history, re.MULTILINE)
    return (int(found[-1][0], 16) << 32) + int(found[-1][1], 16) if found else None
