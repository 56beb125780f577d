"""wallets: the web3 wallets of a user."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.contrib.postgres.indexes import OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from erebus_app.models.users import UserReference
from erebus_app.validators import EVM_CHAINS, validate_wallet_address
from nullstore.constraints import DatabaseForeignKey


class Wallet(models.Model):
    """A wallet that a user has connected.

    An address is unique on its chain: in any case on EVM chains, to the letter on solana and on every chain not
    known here. The latter is the careful choice: where case has a meaning, two addresses must not become one.
    """

    class Chain(models.TextChoices):
        ETHEREUM = "ethereum"
        BASE = "base"
        POLYGON = "polygon"
        MONAD = "monad"
        SOLANA = "solana"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(UserReference, models.CASCADE, related_name="wallets", db_constraint=False)
    address = models.CharField(max_length=255)
    chain = models.CharField(max_length=50, choices=Chain)
    label = models.CharField(max_length=100, null=True, blank=True)
    is_primary = models.BooleanField("primary", default=False, db_default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "wallets"
        verbose_name = "wallet"
        verbose_name_plural = "wallets"
        constraints = [
            DatabaseForeignKey(
                name="wallets_user_fkey",
                field="user",
                on_delete="CASCADE",
                violation_error_message="The user of this wallet does not exist.",
            ),
            models.UniqueConstraint(
                Lower("address"),
                "chain",
                condition=Q(chain__in=EVM_CHAINS),
                name="wallets_evm_address_unique",
                violation_error_message="This address is connected on this chain already (in upper or lower case).",
            ),
            models.UniqueConstraint(
                fields=["address", "chain"],
                condition=~Q(chain__in=EVM_CHAINS),
                name="wallets_address_unique",
                violation_error_message="This address is connected on this chain already.",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(is_primary=True),
                name="wallets_primary_unique",
                violation_error_message="This user has a primary wallet already.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="wallets_created"),
            models.Index(OpClass(Lower("address"), "text_pattern_ops"), name="wallets_address_prefix"),
            # Few are not verified. The chain is compared without a look at the table.
            models.Index(
                fields=["created_at", "id", "chain"], condition=Q(verified_at__isnull=True), name="wallets_unverified"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.chain})"

    def clean(self) -> None:
        """Raise ValidationError, at the address, if it has not the format of its chain."""
        super().clean()
        if not self.address:
            return
        try:
            validate_wallet_address(self.chain, self.address)
        except ValidationError as error:
            raise ValidationError({"address": error}) from error
