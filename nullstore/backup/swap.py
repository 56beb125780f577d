"""Puts restored databases in the place of those that are there, and takes a restore back that did not get so far."""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from typing import Final

import psycopg
from django.db import connections
from psycopg import sql

from nullstore.backup import journal
from nullstore.backup.journal import Entry
from nullstore.backup.server import Server, Session, comment, rename
from nullstore.databases import AGENTS, EREBUS, USER_SYNC
from nullstore.exceptions import DatabaseInUse, DatabaseUnavailable
from nullstore.replication import catalog, switch
from nullstore.replication.connect import connect
from nullstore.replication.slots import drop_slot, slot_names

#: Agents first. Between the two the pair is then what a restore of agents alone makes: each user whom a task names is
#: there. The other way round, tasks would name users who are not.
ORDER: Final = (AGENTS, EREBUS)
#: How long somebody who connects again and again can keep a database from being renamed, in seconds.
_PATIENCE: Final = 10.0
#: How long a session that has just ended may still be seen, and how often we look, in seconds.
_MOMENT: Final = 2.0
_PAUSE: Final = 0.05


def is_following(servers: Mapping[str, Server]) -> bool:
    """Return whether there is a subscription that is enabled. None can be in a database that cannot be connected to."""
    if servers[AGENTS].live not in servers[AGENTS].comments():
        return False
    try:
        with closing(connect(AGENTS)) as connection:
            found = catalog.subscription(connection, USER_SYNC.subscription)
    except DatabaseUnavailable:
        return False
    return found is not None and found.enabled


def halt_replication() -> None:
    """Stop the subscription, and wait until its connections are gone: no database is renamed while they are there."""
    try:
        switch.disable()
    finally:
        connections.close_all()


def resume_replication() -> None:
    """Start the subscription again."""
    try:
        switch.enable()
    finally:
        connections.close_all()


def swap(server: Server, entry: Entry, *, disconnect: bool) -> None:
    """Give the restored database the name of the one that is there, in one transaction.

    Raises DatabaseInUse if somebody is connected to it; with `disconnect`, sessions are ended first.
    """
    new = journal.new_name(server.live, entry.id)
    there = server.comments().get(server.live)
    statements = [rename(new, server.live), comment(server.live, str(entry.at("swapped")))]
    if there is not None:
        old = journal.old_name(server.live, entry.id)
        kept = Entry(entry.id, "kept", entry.aliases, entry.backup, comment=there)
        statements = [rename(server.live, old), comment(old, str(kept)), *statements]
    _rename(server, statements, disconnect=disconnect)


def swap_back(server: Server, entry: Entry, *, disconnect: bool) -> None:
    """Give the name back to the database that had it, in one transaction."""
    old, new = journal.old_name(server.live, entry.id), journal.new_name(server.live, entry.id)
    statements = [rename(server.live, new), comment(new, str(entry.at("filling")))]
    if (kept := Entry.read(server.comments().get(old, ""))) is not None:
        statements += [rename(old, server.live), comment(server.live, kept.comment)]
    _rename(server, statements, disconnect=disconnect)


def refuse_in_use(server: Server) -> None:
    """Raise DatabaseInUse if anybody but replication is connected to the database, for longer than a moment."""
    deadline = time.monotonic() + _MOMENT
    while sessions := _sessions_of_others(server):
        if time.monotonic() > deadline:
            raise _in_use(server, sessions)
        time.sleep(_PAUSE)


def forget_old_subscription(servers: Mapping[str, Server], entry: Entry) -> None:
    """Drop the subscription and the slots of what was replaced: a slot that nobody reads keeps all WAL."""
    publisher, subscriber = servers[EREBUS], servers[AGENTS]
    slots = []
    if (old := journal.old_name(subscriber.live, entry.id)) in subscriber.comments():
        # A database that is damaged keeps its subscription until it is dropped; its workers cannot connect either.
        with suppress(DatabaseUnavailable):
            slots = drop_subscription(old)
    if (old := journal.old_name(publisher.live, entry.id)) in publisher.comments():
        # Those of a lost agents database, too.
        slots += _slots_in(publisher, old)
    for slot in dict.fromkeys(slots):
        drop_slot(EREBUS, slot)


def drop_subscription(database: str) -> list[str]:
    """Drop the subscription of an agents database; return the names of its slots, which stay.

    Raises DatabaseUnavailable.
    """
    name = sql.Identifier(USER_SYNC.subscription)
    with closing(connect(AGENTS, dbname=database)) as connection:
        if catalog.subscription(connection, USER_SYNC.subscription) is not None:
            connection.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
            connection.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))
            connection.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))
        return list(slot_names(USER_SYNC.subscription, connection))


def _slots_in(server: Server, database: str) -> list[str]:
    found = server.connection.execute(
        "SELECT slot_name FROM pg_replication_slots "
        "WHERE database = %s AND NOT temporary AND starts_with(slot_name, %s)",
        [database, f"{USER_SYNC.subscription}_"],
    ).fetchall()
    return [name for (name,) in found]


def _rename(server: Server, statements: Iterable[sql.Composed], *, disconnect: bool) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        if disconnect:
            server.disconnect(server.live)
        try:
            with server.connection.transaction():
                for statement in statements:
                    server.connection.execute(statement)
        except psycopg.errors.ObjectInUse:
            if not disconnect or time.monotonic() > deadline:
                raise _in_use(server, server.sessions(server.live)) from None
        else:
            return


def _sessions_of_others(server: Server) -> list[Session]:
    ours = _walsenders(server)
    return [session for session in server.sessions(server.live) if session.pid not in ours]


def _walsenders(server: Server) -> frozenset[int]:
    """Return the pids of those who read a slot of replication."""
    found = server.connection.execute(
        "SELECT active_pid FROM pg_replication_slots WHERE database = %s AND active AND starts_with(slot_name, %s)",
        [server.live, f"{USER_SYNC.subscription}_"],
    ).fetchall()
    return frozenset(pid for (pid,) in found)


def _in_use(server: Server, sessions: list[Session]) -> DatabaseInUse:
    who = "; ".join(map(str, sessions[:5])) + (f"; and {len(sessions) - 5} more" if len(sessions) > 5 else "")
    return DatabaseInUse(
        f"{server.alias} ({server.place}) is in use by {who or 'somebody'}. Stop the services, then run the same "
        "again; or add --disconnect, which ends these sessions."
    )
