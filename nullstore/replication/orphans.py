"""Slots that nobody follows any more: they keep WAL until the publisher's disk is full."""

import re

import psycopg
from django.db import connections

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.slots import LIKE_OURS

# PostgreSQL's own for copying a table, which a crash leaves behind: the subscription's oid, the subscriber's server.
_TABLE_SYNC = re.compile(r"pg_(\d+)_sync_\d+_(\d+)")


def refuse_to_drop(name: str) -> None:
    """Raise ReplicationError unless the slot is on the publisher, is named as ours are, and is followed by nobody."""
    with connect(USER_SYNC.publisher) as publisher:
        slot = catalog.slot(publisher, name)
        ours = name in catalog.logical_slots(publisher)
    if slot is None:
        raise ReplicationError(f"There is no slot {name} on {USER_SYNC.publisher}. See: manage.py replication status")
    if not ours or not (LIKE_OURS.fullmatch(name) or _is_our_table_sync(name)):
        raise ReplicationError(
            f"The slot {name} on {USER_SYNC.publisher} is not one of this project's database. If you know whose it is "
            f"and that nobody needs it, in psql: SELECT pg_drop_replication_slot('{name}')"
        )
    if slot.active_pid is not None:
        raise ReplicationError(
            f"The slot {name} on {USER_SYNC.publisher} is in use (walsender pid {slot.active_pid}). A subscription "
            "follows it: find out whose before you end it."
        )
    if name in catalog.followed_slots(connections[USER_SYNC.subscriber]):
        raise ReplicationError(
            f"A subscription of the server of {USER_SYNC.subscriber} follows the slot {name}: without it, changes "
            "would be lost. To make it anew: manage.py replication resync --anew"
        )


def drop_orphan(name: str) -> None:
    """Drop the slot. Raises ReplicationError where that would do harm; see refuse_to_drop()."""
    refuse_to_drop(name)
    with connect(USER_SYNC.publisher) as publisher:
        try:
            publisher.execute("SELECT pg_drop_replication_slot(%s)", [name])
        except psycopg.errors.ObjectInUse as error:
            raise ReplicationError(f"{error.diag.message_primary}. A subscription follows it after all.") from None


def _is_our_table_sync(name: str) -> bool:
    """Tell whether it was for a subscription of the subscriber's server that is there no more."""
    found = _TABLE_SYNC.fullmatch(name)
    if found is None:
        return False
    subscriber = connections[USER_SYNC.subscriber]
    return found[2] == catalog.system_identifier(subscriber) and int(found[1]) not in catalog.subscription_oids(
        subscriber
    )
