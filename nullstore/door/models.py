"""The second factor of a member of staff."""

import uuid
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin

from nullstore.encryption import Cell

#: Decimal digits of a code, and for how many seconds it is shown: what every authenticator app does (RFC 6238).
DIGITS: Final = 6
STEP: Final = 30
#: Steps that a phone's clock may be off, either way.
TOLERANCE: Final = 1


class TotpDevice(TimestampMixin, ThrottlingMixin, Device):
    """An authenticator app that has proved that it holds the secret. One for each person.

    Not django-otp's own: that keeps the secret readable, and its functions write to the alias `default`.
    A new key for each: what was verified with a device that is gone counts no more.
    """

    id: models.UUIDField = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user: models.OneToOneField = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="totp_device"
    )
    secret: models.BinaryField = models.BinaryField(editable=False)
    last_step: models.BigIntegerField = models.BigIntegerField(default=-1, editable=False)
    #: SHA-256, in hex, of the recovery codes that are left.
    recovery: ArrayField = ArrayField(models.CharField(max_length=64), default=list, editable=False)

    class Meta:
        verbose_name = "two-factor device"

    def __str__(self) -> str:
        return str(self.user)

    def get_throttle_factor(self) -> int:
        """Return how many seconds to wait after the first wrong code; it doubles with each further one."""
        return 1

    def secret_cell(self) -> Cell:
        """Return the place that the secret is bound to."""
        return Cell(self._meta.db_table, "secret", str(self.pk))

    @property
    def codes_left(self) -> Any:
        return len(self.recovery)
