"""The read-only replica of erebus' users."""

from django.db import models

from nullstore.identity import UserIdentity
from nullstore.replica import ReplicaModel


class UserReference(ReplicaModel, UserIdentity):
    """A user, copied from erebus by logical replication.

    No CHECK, no unique constraint and no foreign key: they could only stop replication, never help it.
    """

    class Meta:
        db_table = "user_references"
        verbose_name = "user (read-only copy)"
        verbose_name_plural = "users (read-only copy)"
        indexes = [
            models.Index(fields=["created_at", "id"], name="user_replica_created"),
            # The pattern class serves both = and LIKE 'prefix%', in every collation.
            models.Index(fields=["source_identifier"], opclasses=["varchar_pattern_ops"], name="user_replica_source"),
            # Not partial: for all that apply knows, an index with a condition can fail, and status would name it first.
            models.Index(fields=["email"], opclasses=["varchar_pattern_ops"], name="user_replica_email"),
        ]
