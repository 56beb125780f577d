"""What is done to a second factor: set up, tried, renewed, removed."""

import hashlib
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.views.decorators.debug import sensitive_variables
from django_otp.oath import TOTP

from nullstore import conf, encryption
from nullstore.databases import EREBUS
from nullstore.door.models import DIGITS, STEP, TOLERANCE, TotpDevice
from nullstore.exceptions import DecryptionError

#: How many recovery codes there are; each has 80 bits, so that a plain hash of it tells nothing.
CODES: Final = 10
_BYTES: Final = 10


class Wait(Exception):
    """Too many wrong codes; `until` says when the next one is looked at."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


def new_secret() -> str:
    """Return a random secret as authenticator apps take it: base32, 160 bits."""
    return b32encode(secrets.token_bytes(20)).decode()


@sensitive_variables()
def address(secret: str, username: str) -> str:
    """Return the otpauth:// address that the QR code holds."""
    issuer = f"nullstore {conf.environment()}"
    # quote, not quote_plus: apps show a + as it is.
    query = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(f'{issuer}:{username}')}?{query}"


@sensitive_variables()
def matching_step(secret: str, code: str, after: int = -1) -> int | None:
    """Return the time step of which `code` is, None if it is wrong or not later than the step `after`."""
    if not (code.isascii() and code.isdecimal() and len(code) == DIGITS):
        return None
    clock = TOTP(_bytes_of(secret), step=STEP, digits=DIGITS)
    return clock.t() if clock.verify(int(code), tolerance=TOLERANCE, min_t=after + 1) else None


@sensitive_variables()
def set_up(user: Any, secret: str, code: str) -> list[str] | None:
    """Make the device if `code` is right, None if not; return the recovery codes, which nobody sees again."""
    step = matching_step(secret, code)
    if step is None:
        return None
    with transaction.atomic(using=EREBUS):
        device = TotpDevice(user_id=user.pk, name="authenticator app", last_step=step)
        device.secret = encryption.encrypt(secret, device.secret_cell())
        codes = _give_codes(device)
        device.save(force_insert=True)
        note(user.pk, user, "Two-factor: an authenticator app was set up.")
    return codes


@sensitive_variables()
def passes(user: Any, code: str) -> TotpDevice | None:
    """Return the device if `code` is right for it or one of its recovery codes, which is then used up. Else None.

    Raises Wait after wrong codes.
    """
    with transaction.atomic(using=EREBUS):
        device: TotpDevice | None = TotpDevice.objects.select_for_update().filter(user_id=user.pk).first()
        if device is None:
            return None
        allowed, why = device.verify_is_allowed()
        if not allowed:
            raise Wait(why["locked_until"])
        if not _right(device, code):
            device.throttle_increment()
            return None
        device.throttle_reset(commit=False)
        device.set_last_used_timestamp(commit=False)
        device.save()
        return device


@sensitive_variables()
def _right(device: TotpDevice, code: str) -> bool:
    digest = _digest(code)
    if digest in device.recovery:
        device.recovery.remove(digest)
        note(device.user_id, device.user, "Two-factor: a recovery code was used.")
        return True
    try:
        secret = encryption.decrypt(device.secret, device.secret_cell())
    except DecryptionError:
        # A recovery code still opens, and a superuser can remove the device.
        return False
    step = matching_step(secret, "".join(code.split()), device.last_step)
    if step is None:
        return False
    device.last_step = step
    if encryption.key_id_of(bytes(device.secret)) != encryption.writing_key().id:
        device.secret = encryption.encrypt(secret, device.secret_cell())
    return True


def new_codes(device: TotpDevice) -> list[str]:
    """Return new recovery codes; the old ones are worth nothing any more."""
    with transaction.atomic(using=EREBUS):
        codes = _give_codes(device)
        device.save(update_fields=["recovery"])
        note(device.user_id, device.user, "Two-factor: new recovery codes were made.")
    return codes


def remove(user_id: Any, by: Any, reason: str = "") -> bool:
    """Remove the device of this person; False if there is none. `by` is who does it, for the admin's log."""
    with transaction.atomic(using=EREBUS):
        device = TotpDevice.objects.select_for_update().filter(user_id=user_id).first()
        if device is None:
            return False
        note(by, device.user, f"Two-factor: the authenticator app was removed. {reason}".strip())
        device.delete()
    return True


def note(by: Any, user: Any, message: str) -> None:
    """Write into the admin's log, about the account."""
    content_type = ContentType.objects.db_manager(EREBUS).get_for_model(apps.get_model("auth.User"))
    LogEntry.objects.using(EREBUS).create(
        user_id=by,
        content_type_id=content_type.pk,
        object_id=str(user.pk),
        object_repr=user.get_username()[:200],
        action_flag=CHANGE,
        change_message=message,
    )


def _give_codes(device: TotpDevice) -> list[str]:
    codes = [b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(CODES)]
    device.recovery = [_digest(code) for code in codes]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


@sensitive_variables()
def _digest(code: str) -> str:
    """As people type it: upper or lower case, with dashes and spaces or without."""
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()


@sensitive_variables()
def _bytes_of(secret: str) -> bytes:
    return b32decode(secret)
