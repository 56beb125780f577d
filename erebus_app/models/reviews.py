"""crossroads_reviews and crossroads_favorites: what people think of a listing."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import OpClass
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from erebus_app.models.listings import Listing
from nullstore.constraints import DatabaseForeignKey


class Review(models.Model):
    """One wallet's rating of a listing. A trigger keeps the listing's rating and total_ratings true."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    # Without an index of its own: the unique constraint's begins with it.
    listing = models.ForeignKey(Listing, models.CASCADE, related_name="reviews", db_index=False, db_constraint=False)
    reviewer_wallet = models.CharField(max_length=64)
    rating = models.SmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    review_text = models.TextField(null=True, blank=True)
    is_verified_purchase = models.BooleanField("verified purchase", default=False, db_default=False)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_reviews"
        verbose_name = "review"
        verbose_name_plural = "reviews"
        constraints = [
            DatabaseForeignKey(
                name="crossroads_reviews_listing_fkey",
                field="listing",
                on_delete="CASCADE",
                violation_error_message="The listing of this review does not exist.",
            ),
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5),
                name="crossroads_reviews_rating_range",
                violation_error_message="A rating is 1, 2, 3, 4 or 5.",
            ),
            models.UniqueConstraint(
                fields=["listing", "reviewer_wallet"],
                name="crossroads_reviews_reviewer_unique",
                violation_error_message="This wallet has reviewed this listing already.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="crossroads_reviews_created"),
            models.Index(OpClass(F("reviewer_wallet"), "varchar_pattern_ops"), name="crossroads_reviews_wallet"),
        ]

    def __str__(self) -> str:
        return f"{self.rating} of 5 by {self.reviewer_wallet}"


class Favorite(models.Model):
    """A listing that a wallet has marked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    # Without an index of its own: the unique constraint's begins with it.
    listing = models.ForeignKey(Listing, models.CASCADE, related_name="favorites", db_index=False, db_constraint=False)
    wallet_address = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_favorites"
        verbose_name = "favorite"
        verbose_name_plural = "favorites"
        constraints = [
            DatabaseForeignKey(
                name="crossroads_favorites_listing_fkey",
                field="listing",
                on_delete="CASCADE",
                violation_error_message="The listing of this favorite does not exist.",
            ),
            models.UniqueConstraint(
                fields=["listing", "wallet_address"],
                name="crossroads_favorites_wallet_unique",
                violation_error_message="This wallet has this listing among its favorites already.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="crossroads_favorites_created"),
            models.Index(OpClass(F("wallet_address"), "varchar_pattern_ops"), name="crossroads_favorites_wallet"),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} for {self.wallet_address}"
