"""user_references: who a user is. The source of the replica in the database `agents`."""

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from nullstore.constraints import SQLCheck
from nullstore.identity import UserIdentity

#: The CASE is NULL for an unknown type; so is everything that is made of it, until COALESCE.
SOURCE_TYPE_RULE = """COALESCE(
    jsonb_typeof(source_type) = 'object'
    AND jsonb_typeof(source_type -> CASE source_type ->> 'type'
        WHEN 'web3_wallet' THEN 'provider'
        WHEN 'email_auth' THEN 'provider'
        WHEN 'oauth' THEN 'provider'
        WHEN 'api_key' THEN 'name'
        WHEN 'system_agent' THEN 'agent_type'
    END) = 'string',
    false
)"""


class UserReference(UserIdentity):
    """A user. Written here; logical replication carries every change to the replica, except TRUNCATE."""

    class Meta:
        db_table = "user_references"
        verbose_name = "user"
        verbose_name_plural = "users"
        constraints = [
            models.UniqueConstraint(
                fields=["source_identifier", "network"],
                condition=Q(is_active=True),
                name="user_references_source_unique",
                violation_error_message="There is an active user with this source identifier on this network already.",
            ),
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(is_active=True, email__isnull=False),
                name="user_references_email_unique",
                violation_error_message="There is an active user with this e-mail address already.",
            ),
            SQLCheck(
                name="user_references_source_type_valid",
                sql=SOURCE_TYPE_RULE,
                fields=("source_type",),
                violation_error_message=(
                    'The source type must be a JSON object whose "type" is web3_wallet, email_auth or oauth with a '
                    'text "provider", api_key with a text "name", or system_agent with a text "agent_type".'
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="user_references_created"),
            # A value that few users have would else be looked for through the whole of the index above.
            models.Index(fields=["network", "created_at", "id"], name="user_references_network"),
            models.Index(fields=["user_type", "created_at", "id"], name="user_references_type"),
            models.Index(fields=["created_at", "id"], condition=Q(is_active=False), name="user_references_inactive"),
            models.Index(OpClass(F("source_identifier"), "varchar_pattern_ops"), name="user_references_source_prefix"),
            # In place of an index on email itself: who knows the exact address of an active user has the unique index.
            models.Index(
                OpClass(Lower("email"), "text_pattern_ops"),
                condition=Q(email__isnull=False),
                name="user_references_email_lower",
            ),
        ]
