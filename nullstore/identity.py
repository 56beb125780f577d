"""The columns of user_references, shared by the source (erebus) and the replica (agents).

One definition, so that `makemigrations` sees a change of either in both.
"""

import uuid
from typing import Any

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models

from nullstore.fields import Document


def default_source_type() -> dict[str, Any]:
    """The source of a user of whom nothing else is known; the same value is the column's default."""
    return {"type": "web3_wallet", "provider": "unknown", "metadata": {}}


class UserIdentity(models.Model):
    """Who a user is. Abstract: erebus_app owns the table, agents_app has the replica."""

    class UserType(models.TextChoices):
        EXTERNAL = "external"
        SYSTEM = "system"
        AGENT = "agent"
        API = "api"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    source_identifier = models.CharField(
        max_length=255, help_text="Wallet address, e-mail, API key name, agent id or OAuth subject."
    )
    network = models.CharField(max_length=50, help_text="ethereum, solana, email, api, system, oauth, ...")
    user_type = models.CharField(
        max_length=50, choices=UserType, default=UserType.EXTERNAL, db_default=UserType.EXTERNAL.value
    )
    source_type = Document(
        default=default_source_type, db_default=models.Value(default_source_type(), models.JSONField())
    )
    email = models.EmailField(max_length=255, null=True, blank=True)
    metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    preferences = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    is_active = models.BooleanField(
        default=True, db_default=True, help_text="Unset = soft-deleted: the row stays, the user is gone."
    )
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.source_identifier} ({self.network})"
