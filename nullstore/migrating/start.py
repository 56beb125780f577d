"""What the databases have: whether they replicate, and their copies of the replicated tables."""

from collections.abc import Sequence

from django.db import connections

from nullstore.databases import USER_SYNC
from nullstore.migrating.board import Start
from nullstore.migrating.steps import Step, replicated_tables
from nullstore.migrating.tables import live_table
from nullstore.replication import catalog
from nullstore.replication.content import has_rows


def start(source_steps: Sequence[Step], replica_steps: Sequence[Step]) -> Start:
    """Ask the databases, as far as these steps make it necessary: of steps that change no replicated table, nothing."""
    if not any(step.changes for step in (*source_steps, *replica_steps)):
        return Start(False, {}, {})
    linked = _slots_followed(subscriber_first=not source_steps)
    if not linked and not any(USER_SYNC.subscription in step.subscriptions for step in replica_steps):
        return Start(False, {}, {})
    return live_start(linked)


def live_start(linked: bool) -> Start:
    """Return the replicated tables of both databases as they are."""
    source, replica = connections[USER_SYNC.publisher], connections[USER_SYNC.subscriber]
    names = replicated_tables()
    tables = {name: live_table(replica, name) for name in names}
    return Start(
        linked,
        {name: live_table(source, name, USER_SYNC.publication) for name in names},
        tables,
        any(has_rows(replica, name) for name, table in tables.items() if table),
        linked and _is_binary(),
    )


def is_linked() -> bool:
    """Tell whether the subscription is there and follows a slot of this very source.

    The name of a subscription proves nothing: while a test database is made, the other alias still leads to the real
    one.
    """
    return _slots_followed(subscriber_first=False)


def _slots_followed(*, subscriber_first: bool) -> bool:
    if subscriber_first and _slot() is None:
        return False
    source = connections[USER_SYNC.publisher]
    slots = catalog.logical_slots(source)
    return bool(slots) and catalog.publication(source, USER_SYNC.publication) is not None and _slot() in slots


def _slot() -> str | None:
    """Return the name of the slot that the subscription follows, or None."""
    found = catalog.subscription(connections[USER_SYNC.subscriber], USER_SYNC.subscription)
    return found.slot_name if found else None


def _is_binary() -> bool:
    query = (
        "SELECT subbinary FROM pg_subscription "
        "WHERE subname = %s AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with connections[USER_SYNC.subscriber].cursor() as cursor:
        cursor.execute(query, [USER_SYNC.subscription])
        row = cursor.fetchone()
    return bool(row and row[0])
