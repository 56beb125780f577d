"""sessions: where users are logged in. Not Django's own sessions, which belong to the admin."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from erebus_app.models.users import UserReference
from erebus_app.models.wallets import Wallet
from nullstore.constraints import DatabaseForeignKey
from nullstore.fields import FixedCharField


class AuthSessionQuerySet(models.QuerySet["AuthSession"]):
    """Sessions, by whether they still let anybody in."""

    def active(self) -> "AuthSessionQuerySet":
        """Return those that are neither revoked nor expired, by the database's clock."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=Now())


class AuthSession(models.Model):
    """A login of a user. The token itself is never stored, only its SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    # Without an index of its own: sessions_user begins with it.
    user = models.ForeignKey(
        UserReference, models.CASCADE, related_name="sessions", db_index=False, db_constraint=False
    )
    wallet = models.ForeignKey(
        Wallet, models.SET_NULL, related_name="sessions", null=True, blank=True, db_constraint=False
    )
    token_hash = FixedCharField(max_length=64, help_text="SHA-256 of the token, in hex.")
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    user_agent = models.TextField(default="", blank=True, db_default="")
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AuthSessionQuerySet.as_manager()

    class Meta:
        db_table = "sessions"
        verbose_name = "session"
        verbose_name_plural = "sessions"
        constraints = [
            DatabaseForeignKey(
                name="sessions_user_fkey",
                field="user",
                on_delete="CASCADE",
                violation_error_message="The user of this session does not exist.",
            ),
            DatabaseForeignKey(
                name="sessions_wallet_fkey",
                field="wallet",
                on_delete="SET NULL",
                violation_error_message="The wallet of this session does not exist.",
            ),
            models.UniqueConstraint(
                fields=["token_hash"],
                name="sessions_token_hash_unique",
                violation_error_message="There is a session with this token hash already.",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="sessions_expires_after_created",
                violation_error_message="A session must expire after it was created.",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="sessions_created"),
            # A service's user may have thousands: the newest of them are read, not all.
            models.Index(fields=["user", "created_at", "id"], name="sessions_user"),
            # With expires_at: the newest of the expired ones come after all active ones, which are then passed over
            # in the index (0.7 s without it, of 300,000 sessions).
            models.Index(
                fields=["created_at", "id", "expires_at"],
                condition=Q(revoked_at__isnull=True),
                name="sessions_unrevoked",
            ),
            models.Index(fields=["created_at", "id"], condition=Q(revoked_at__isnull=False), name="sessions_revoked"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} of {self.user_id}"

    @property
    def is_active(self) -> bool:
        """Whether it is neither revoked nor expired, by this machine's clock."""
        return self.revoked_at is None and self.expires_at > timezone.now()
