"""Stopping a subscription for a while, and going on."""

from django.db import connections
from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.declared import declared
from nullstore.replication.execute import execute
from nullstore.replication.lock import alone
from nullstore.replication.renewal import wait_for_worker_to_end
from nullstore.replication.subscriptions import why_not_whole


def enable() -> bool:
    """Enable the subscription; return False if it was enabled already.

    PostgreSQL enables one whose slot is lost or somebody else's without a word, and changes are lost then. So this
    raises ReplicationError for a subscription that has to be made anew.
    """
    spec = declared().subscription
    with alone(USER_SYNC.subscriber, USER_SYNC.subscription):
        found = _subscription()
        reason = why_not_whole(connections[USER_SYNC.subscriber], spec, found) if spec else None
        if reason:
            raise ReplicationError(
                f"The subscription {found.name} cannot just go on: {reason}. Run: manage.py replication resync"
            )
        return _switch(found, "ENABLE")


def disable() -> bool:
    """Disable the subscription and wait until its worker has ended; return False if it was disabled already.

    Its slot keeps WAL on the publisher from then on. Raises ReplicationError if the worker does not end.
    """
    with alone(USER_SYNC.subscriber, USER_SYNC.subscription):
        found = _subscription()
        switched = _switch(found, "DISABLE")
        wait_for_worker_to_end(connections[USER_SYNC.subscriber], found)
    return switched


def room_while_disabled() -> str:
    """Say for how much WAL the slot may be left unread."""
    with connect(USER_SYNC.publisher) as publisher:
        limits = catalog.slot_limits(publisher)
    said = []
    if limits.bytes is not None:
        said.append(f"{limits.bytes / 1048576:,.0f} MB of WAL (max_slot_wal_keep_size)")
    if limits.seconds is not None:
        said.append(f"{limits.seconds:,.0f} s (idle_replication_slot_timeout)")
    if said:
        return f"its slot is lost after {' or '.join(said)}, and a resync is needed then"
    return f"its slot keeps all WAL of {USER_SYNC.publisher} until the disk is full"


def _subscription() -> catalog.Subscription:
    found = catalog.subscription(connections[USER_SYNC.subscriber], USER_SYNC.subscription)
    if found is None:
        raise ReplicationError(
            f"The database {USER_SYNC.subscriber} has no subscription {USER_SYNC.subscription}. "
            "Run: manage.py replication resync"
        )
    return found


def _switch(found: catalog.Subscription, how: str) -> bool:
    if found.enabled == (how == "ENABLE"):
        return False
    statement = sql.SQL("ALTER SUBSCRIPTION {} {}").format(sql.Identifier(found.name), sql.SQL(how))
    execute(connections[USER_SYNC.subscriber], statement)
    return True
