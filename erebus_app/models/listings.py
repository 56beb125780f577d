"""crossroads_listings and their versions: what the marketplace offers."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from nullstore.constraints import DatabaseForeignKey
from nullstore.fields import Document


class Listing(models.Model):
    """Something offered in the marketplace.

    Triggers keep is_free, search_vector, rating and total_ratings, whatever a writer sends.
    """

    class ListingType(models.TextChoices):
        AGENT = "agent"
        WORKFLOW = "workflow"
        TOOL = "tool"
        MCP_SERVER = "mcp_server", "MCP server"
        DATASET = "dataset"
        MODEL = "model"
        COW = "cow"
        ARBFARM = "arbfarm"

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        INACTIVE = "inactive"
        FEATURED = "featured"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    listing_type = models.CharField(max_length=50, choices=ListingType)
    title = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)
    author = models.CharField(max_length=255)
    author_wallet = models.CharField(max_length=64, null=True, blank=True)
    version = models.CharField(max_length=50, default="1.0.0", db_default="1.0.0")
    tags = ArrayField(
        models.TextField(),
        default=list,
        blank=True,
        db_default=models.Value([], ArrayField(models.TextField())),
    )
    status = models.CharField(max_length=50, choices=Status, default=Status.PENDING, db_default=Status.PENDING.value)
    price_lamports = models.BigIntegerField(
        "price in lamports", default=0, db_default=0, validators=[MinValueValidator(0)]
    )
    is_free = models.BooleanField("free", db_default=True, editable=False)
    rating = models.DecimalField(max_digits=3, decimal_places=2, null=True, editable=False)
    total_ratings = models.IntegerField(db_default=0, editable=False)
    download_count = models.BigIntegerField("downloads", default=0, db_default=0)
    view_count = models.BigIntegerField("views", default=0, db_default=0)
    metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    review_note = models.TextField(null=True, blank=True, help_text="Why it was rejected.")
    search_vector = SearchVectorField(db_default="", editable=False)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_listings"
        verbose_name = "listing"
        verbose_name_plural = "listings"
        constraints = [
            models.CheckConstraint(
                condition=Q(price_lamports__gte=0),
                name="crossroads_listings_price_not_negative",
                violation_error_message="A price cannot be negative.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="crossroads_listings_created"),
            models.Index(fields=["status", "created_at", "id"], name="crossroads_listings_status"),
            GinIndex(fields=["tags"], name="crossroads_listings_tags"),
            GinIndex(fields=["search_vector"], name="crossroads_listings_search"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class ListingVersion(models.Model):
    """A published version of a listing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    # Without an index of its own: the unique constraint's begins with it.
    listing = models.ForeignKey(Listing, models.CASCADE, related_name="versions", db_index=False, db_constraint=False)
    version = models.CharField(max_length=50)
    changelog = models.TextField(null=True, blank=True)
    metadata = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_listing_versions"
        verbose_name = "listing version"
        verbose_name_plural = "listing versions"
        constraints = [
            DatabaseForeignKey(
                name="crossroads_listing_versions_listing_fkey",
                field="listing",
                on_delete="CASCADE",
                violation_error_message="The listing of this version does not exist.",
            ),
            models.UniqueConstraint(
                fields=["listing", "version"],
                name="crossroads_listing_versions_version_unique",
                violation_error_message="This listing has this version already.",
            ),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="crossroads_versions_created")]

    def __str__(self) -> str:
        return f"{self.version} of {self.listing_id}"
