"""Migration operations that set up logical replication.

Each asks the router first, looks in the catalog, and brings what it finds to what is declared: running one again
changes nothing, and says so in the log `nullstore.replication`. None of them shows a password: not in the migration,
in sqlmigrate, in a log, nor in an error.
"""

from nullstore.replication.operations.base import ReplicationOperation
from nullstore.replication.operations.guard import GuardReplica, UnguardReplica
from nullstore.replication.operations.publication import AlterPublication, CreatePublication, RemovePublication
from nullstore.replication.operations.role import CreateReplicationRole
from nullstore.replication.operations.subscription import AlterSubscription, CreateSubscription, RemoveSubscription

__all__ = [
    "AlterPublication",
    "AlterSubscription",
    "CreatePublication",
    "CreateReplicationRole",
    "CreateSubscription",
    "GuardReplica",
    "RemovePublication",
    "RemoveSubscription",
    "ReplicationOperation",
    "UnguardReplica",
]
