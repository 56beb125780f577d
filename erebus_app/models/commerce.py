"""crossroads_purchases and crossroads_deployments: what people did with a listing. Both keep it from being deleted."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import OpClass
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from erebus_app.models.listings import Listing
from nullstore.constraints import DatabaseForeignKey
from nullstore.fields import Document


class Purchase(models.Model):
    """A payment for a listing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    listing = models.ForeignKey(Listing, models.PROTECT, related_name="purchases", db_constraint=False)
    buyer_wallet = models.CharField(max_length=64)
    price_paid_lamports = models.BigIntegerField("price paid in lamports", validators=[MinValueValidator(0)])
    tx_signature = models.CharField("transaction signature", max_length=128, null=True, blank=True)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_purchases"
        verbose_name = "purchase"
        verbose_name_plural = "purchases"
        constraints = [
            DatabaseForeignKey(
                name="crossroads_purchases_listing_fkey",
                field="listing",
                on_delete="RESTRICT",
                violation_error_message="The listing of a purchase must exist, and stay while the purchase does.",
            ),
            models.CheckConstraint(
                condition=Q(price_paid_lamports__gte=0),
                name="crossroads_purchases_price_not_negative",
                violation_error_message="A price cannot be negative.",
            ),
            models.UniqueConstraint(
                fields=["tx_signature"],
                name="crossroads_purchases_tx_signature_unique",
                violation_error_message="There is a purchase with this transaction signature already.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="crossroads_purchases_created"),
            models.Index(OpClass(F("buyer_wallet"), "varchar_pattern_ops"), name="crossroads_purchases_wallet"),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} by {self.buyer_wallet}"


class Deployment(models.Model):
    """A listing that somebody runs."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        STOPPED = "stopped"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    listing = models.ForeignKey(Listing, models.PROTECT, related_name="deployments", db_constraint=False)
    deployer_wallet = models.CharField(max_length=64)
    status = models.CharField(max_length=50, choices=Status)
    endpoint_url = models.TextField("endpoint URL", null=True, blank=True)
    config = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "crossroads_deployments"
        verbose_name = "deployment"
        verbose_name_plural = "deployments"
        constraints = [
            DatabaseForeignKey(
                name="crossroads_deployments_listing_fkey",
                field="listing",
                on_delete="RESTRICT",
                violation_error_message="The listing of a deployment must exist, and stay while the deployment does.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="crossroads_deployments_created"),
            models.Index(OpClass(F("deployer_wallet"), "varchar_pattern_ops"), name="crossroads_deployments_wallet"),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} by {self.deployer_wallet}: {self.status}"
