"""Replication slots on the publisher: made on a connection of their own, dropped when nobody uses them."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect

#: How the slots of USER_SYNC are named, in every database and environment.
LIKE_OURS: Final = re.compile(rf"{re.escape(USER_SYNC.subscription)}_[0-9a-f]{{8}}b?")


def slot_names(subscription: str, subscriber: catalog.Connection) -> tuple[str, str]:
    """Return the two names of slots for a subscription of the database behind `subscriber`: unique on a shared server.

    Two, so that a subscription can be made anew on a new slot while the old one is still there to go back to.
    """
    name = f"{subscription}_{catalog.subscriber_fingerprint(subscriber, conf.environment())}"
    return name, f"{name}b"


def own_slot(subscription: str, subscriber: catalog.Connection, followed: str | None) -> str:
    """Return the slot that the subscription ought to follow: `followed`, if that is named for this database."""
    names = slot_names(subscription, subscriber)
    return followed if followed in names else names[0]


@contextmanager
def new_slot(publisher: str, name: str, options: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Make a slot and give the name of the snapshot that is exported with it, which lives as long as the block.

    `options` are the subscription's; the slot has to know of `failover`. A slot of this name that a killed run left
    behind is dropped first. If the block fails the slot is dropped.
    Raises ReplicationError if open transactions keep it from being made within conf.slot_timeout() seconds.
    """
    drop_slot(publisher, name)
    with connect(publisher, replication="database") as walsender:
        try:
            yield _create(walsender, publisher, name, _slot_options(options or {}))
        except BaseException:
            drop_slot(publisher, name)
            raise


def drop_slot(publisher: str, name: str) -> None:
    """Drop the slot if it is there. A connection that is just ending gets conf.slot_timeout() seconds for that.

    Raises ReplicationError if somebody goes on using it.
    """
    deadline = time.monotonic() + conf.slot_timeout()
    with connect(publisher) as connection:
        while (slot := catalog.slot(connection, name)) is not None:
            try:
                connection.execute("SELECT pg_drop_replication_slot(%s)", [name])
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise ReplicationError(_in_use(connection, publisher, slot)) from None
                time.sleep(0.05)
            except psycopg.errors.UndefinedObject:
                return


def _in_use(connection: psycopg.Connection, publisher: str, slot: catalog.Slot) -> str:
    if slot.made:
        return (
            f"The replication slot {slot.name} on {publisher} is in use (walsender pid {slot.active_pid}): another "
            "subscription consumes it, such as that of a copy of the subscriber's data. Stop that one first: "
            "ALTER SUBSCRIPTION ... DISABLE"
        )
    writer = catalog.oldest_writer(connection)
    return (
        f"An earlier run is still making the replication slot {slot.name} on {publisher} (walsender pid "
        f"{slot.active_pid}), waiting for open transactions{f' ({writer})' if writer else ''}. End them, or that pid."
    )


def _slot_options(options: Mapping[str, Any]) -> LiteralString:
    # Not TWO_PHASE: a transaction prepared while tables are copied would be lost. PostgreSQL switches it on afterwards.
    return ", FAILOVER true" if options.get("failover") else ""


def _create(walsender: psycopg.Connection, publisher: str, name: str, options: LiteralString) -> str:
    limit = conf.slot_timeout()
    # lock_timeout bounds the server's wait for each open transaction even if we are killed; the timer bounds the sum.
    walsender.execute(sql.SQL("SET lock_timeout = {}").format(f"{limit}s"))
    timer = threading.Timer(limit, walsender.cancel_safe)
    timer.start()
    try:
        row = walsender.execute(
            sql.SQL("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export'{})").format(
                sql.Identifier(name), sql.SQL(options)
            )
        ).fetchone()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        with connect(publisher) as connection:
            writer = catalog.oldest_writer(connection)
        raise ReplicationError(
            f"The replication slot {name} could not be made on {publisher} within {limit:g} s, because it waits for "
            f"transactions that are open there{f' ({writer})' if writer else ''}. End them, then run the same again."
        ) from None
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise ReplicationError(
            f"{publisher} cannot publish: {error.diag.message_primary}. Set wal_level = logical on its server and "
            "restart that, then run the same again."
        ) from None
    except psycopg.Error as error:
        raise ReplicationError(
            f"The replication slot {name} could not be made on {publisher}: {error.diag.message_primary or error}. "
            f"{error.diag.message_hint or ''}"
        ) from error
    finally:
        timer.cancel()
    assert row is not None
    snapshot: str = row[2]
    return snapshot
