"""What PostgreSQL's catalogs say about replication: read-only queries that give frozen dataclasses.

Each function takes a connection, Django's or psycopg's, and needs no more than an ordinary role, except where its
docstring says so.
"""

from nullstore.replication.catalog.publisher import (
    Publication,
    Role,
    Slot,
    insert_position,
    logical_slots,
    oldest_writer,
    publication,
    role,
    slot,
)
from nullstore.replication.catalog.query import Connection
from nullstore.replication.catalog.subscriber import (
    Progress,
    Subscription,
    apply_worker_pid,
    may_ask_progress,
    progress,
    subscribed_tables,
    subscriber_fingerprint,
    subscription,
    subscription_conninfo,
)

__all__ = [
    "Connection",
    "Progress",
    "Publication",
    "Role",
    "Slot",
    "Subscription",
    "apply_worker_pid",
    "insert_position",
    "logical_slots",
    "may_ask_progress",
    "oldest_writer",
    "progress",
    "publication",
    "role",
    "slot",
    "subscribed_tables",
    "subscriber_fingerprint",
    "subscription",
    "subscription_conninfo",
]
