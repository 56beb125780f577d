"""Engrams: the versioned memory of agents, and the trail of their versions.

Versions, lineage and the trail are kept by triggers (migration 0003), whoever writes.
"""

import uuid
from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Left

from nullstore.constraints import DatabaseForeignKey
from nullstore.fields import Document

#: What the search in summaries reads, word for word what its index holds. A tsvector has an upper bound, beyond which
#: the index would refuse the row.
SUMMARY_WORDS: Final = SearchVector(Left("summary", 50_000), config="english")


class EngramType(models.TextChoices):
    PERSONA = "persona"
    PREFERENCE = "preference"
    STRATEGY = "strategy"
    KNOWLEDGE = "knowledge"
    COMPLIANCE = "compliance"


class Engram(models.Model):
    """What one wallet's agent remembers under one key: the current version."""

    Type = EngramType

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    wallet_address = models.CharField("wallet", max_length=255)
    engram_type = models.CharField("type", max_length=20, choices=EngramType)
    key = models.CharField(max_length=255, help_text="A dotted path: domain.sub.name")
    tags = ArrayField(
        models.TextField(),
        default=list,
        blank=True,
        db_default=models.Value([], ArrayField(models.TextField())),
    )
    content = Document()
    summary = models.TextField(null=True, blank=True)
    version = models.IntegerField(default=1, db_default=1, editable=False)
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="forks",
        help_text="The engram that this one was forked from.",
    )
    lineage_root_id = models.UUIDField(
        "lineage root",
        null=True,
        blank=True,
        editable=False,
        help_text="The first ancestor; its own id for an original.",
    )
    is_public = models.BooleanField("public", default=False, db_default=False)
    is_mintable = models.BooleanField("mintable", default=False, db_default=False)
    nft_token_id = models.CharField("NFT token", max_length=255, null=True, blank=True)
    price_mon = models.DecimalField("price (MON)", max_digits=18, decimal_places=8, null=True, blank=True)
    royalty_percent = models.SmallIntegerField("royalty (percent)", default=5, db_default=5)
    priority = models.IntegerField(default=0, db_default=0)
    ttl_seconds = models.IntegerField("time to live (seconds)", null=True, blank=True)
    created_by = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField("created", db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField("updated", db_default=TransactionNow(), editable=False)
    accessed_at = models.DateTimeField("last read", db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "engrams"
        constraints = [
            models.UniqueConstraint(
                fields=["wallet_address", "key"],
                name="engrams_wallet_key_unique",
                violation_error_message="This wallet has an engram with this key already.",
            ),
            models.CheckConstraint(
                condition=models.Q(engram_type__in=EngramType.values),
                name="engrams_type_known",
                violation_error_message=f"The type of an engram is one of {', '.join(EngramType.values)}.",
            ),
            models.CheckConstraint(
                condition=models.Q(version__gte=1),
                name="engrams_version_positive",
                violation_error_message="Versions of an engram are counted from 1.",
            ),
            # The upper bound is the column's own; it keeps out NaN, which PostgreSQL holds to be above every number.
            models.CheckConstraint(
                condition=models.Q(price_mon__gte=0, price_mon__lt=10**10),
                name="engrams_price_not_negative",
                violation_error_message="The price of an engram is a number, 0 or more.",
            ),
            models.CheckConstraint(
                condition=models.Q(royalty_percent__range=(0, 100)),
                name="engrams_royalty_range",
                violation_error_message="The royalty of an engram is a percentage from 0 to 100.",
            ),
            models.CheckConstraint(
                condition=models.Q(ttl_seconds__gt=0),
                name="engrams_ttl_positive",
                violation_error_message="The time to live is 1 second or more; leave it empty for no end.",
            ),
            DatabaseForeignKey(
                name="engrams_parent_fkey",
                field="parent",
                on_delete="SET NULL",
                violation_error_message="The parent engram does not exist.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="engrams_created"),
            models.Index(fields=["engram_type", "created_at", "id"], name="engrams_type"),
            # The unique index above leads with the wallet; prefixes of the key alone need one of their own.
            models.Index(fields=["key"], opclasses=["varchar_pattern_ops"], name="engrams_key"),
            models.Index(fields=["created_at", "id"], condition=models.Q(is_public=True), name="engrams_public"),
            models.Index(fields=["parent"], condition=models.Q(parent__isnull=False), name="engrams_parent"),
            models.Index(fields=["lineage_root_id"], name="engrams_lineage"),
            # A tag, or a tag and a type. Of a pair that does not occur, tags alone would be found by the thousand.
            GinIndex(fields=["engram_type", "tags"], name="engrams_type_tags"),
            # Wallets and prefixes of them, in every collation. The type is there for a wallet's engrams of one type:
            # rather than fetch all of a wallet's, PostgreSQL would read the whole of that type in engrams_type.
            models.Index(
                fields=["wallet_address", "engram_type"],
                opclasses=["varchar_pattern_ops", "varchar_ops"],
                name="engrams_wallet",
            ),
            GinIndex(SUMMARY_WORDS, name="engrams_summary"),
            # Few are for sale, and few expire: without these the list would read all others to find them.
            models.Index(fields=["created_at", "id"], condition=models.Q(is_mintable=True), name="engrams_mintable"),
            models.Index(
                fields=["created_at", "id"], condition=models.Q(ttl_seconds__isnull=False), name="engrams_expiring"
            ),
            models.Index(fields=["ttl_seconds"], condition=models.Q(ttl_seconds__isnull=False), name="engrams_ttl"),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class EngramHistory(models.Model):
    """What one version of an engram said, and who replaced it, why and when. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    # Not a foreign key: the trail outlives its subject.
    engram_id = models.UUIDField("engram")
    version = models.IntegerField()
    content = Document()
    summary = models.TextField(null=True, blank=True)
    tags = ArrayField(
        models.TextField(),
        default=list,
        blank=True,
        db_default=models.Value([], ArrayField(models.TextField())),
    )
    changed_by = models.CharField("replaced by", max_length=255, null=True, blank=True)
    change_reason = models.CharField("reason", max_length=255, null=True, blank=True)
    created_at = models.DateTimeField("replaced", db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "engram_history"
        verbose_name = "engram version"
        constraints = [
            models.UniqueConstraint(
                fields=["engram_id", "version"],
                name="engram_history_version_unique",
                violation_error_message="This version of the engram is in its history already.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="engram_history_created"),
            # What one person or service replaced.
            models.Index(
                fields=["changed_by", "created_at", "id"],
                opclasses=["varchar_pattern_ops", "timestamptz_ops", "uuid_ops"],
                name="engram_history_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.engram_id} v{self.version}"
