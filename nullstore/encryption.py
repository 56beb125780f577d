"""Encryption of single values in the database: each under a key that only its own row can derive.

Stored bytes: the format byte 0x01, one byte with the length of the key id, the key id (ASCII), a FernetBytes token of
the UTF-8 text. docs/discussions/encryption.md says why it is so.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.signing import BadSignature
from django.views.decorators.debug import sensitive_variables
from django_cryptography.core.signing import FernetSigner
from django_cryptography.utils.crypto import FernetBytes, InvalidToken

from nullstore import conf
from nullstore.exceptions import DecryptionError, InvalidSetting

FORMAT: Final = 1
KEY_ID_PATTERN: Final = "[A-Za-z0-9_.-]{1,32}"
# The last of 43 characters carries 4 bits: others than these would be a second spelling of the same key.
_MATERIAL: Final = re.compile("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?")
_FOR_CELLS: Final = "nullstore secret 1"
_FOR_FINGERPRINTS: Final = "nullstore fingerprint 1"


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of one encrypted value; `row` is the text form of its primary key."""

    table: str
    column: str
    row: str

    def __str__(self) -> str:
        return f"{self.table}, row {self.row}, column {self.column}"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key of FIELD_ENCRYPTION_KEYS. Nothing is encrypted with its 32 bytes: other keys are derived from them."""

    id: str
    material: bytes = field(repr=False)

    @sensitive_variables()
    def derive(self, length: int, *info: str) -> bytes:
        """Return `length` bytes, others for every different sequence of `info` (HKDF-SHA256, RFC 5869)."""
        parts = [part.encode() for part in info]
        unambiguous = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return HKDF(SHA256(), length, salt=None, info=unambiguous).derive(self.material)


def master_keys() -> Mapping[str, MasterKey]:
    """Return the keys of FIELD_ENCRYPTION_KEYS by id, in their order: the first encrypts, all decrypt.

    Raises InvalidSetting, which names the position or the key id and never shows a key.
    """
    return _parse(conf.field_encryption_keys())


def writing_key() -> MasterKey:
    """Return the first of master_keys()."""
    return next(iter(master_keys().values()))


@lru_cache(maxsize=4)
@sensitive_variables()
def _parse(setting: str) -> Mapping[str, MasterKey]:
    if not setting.strip():
        raise InvalidSetting("FIELD_ENCRYPTION_KEYS is empty. Run manage.py generate_key and set it to what it prints.")
    keys: dict[str, MasterKey] = {}
    for position, entry in enumerate(setting.split(","), start=1):
        key = _parse_entry(position, entry.strip())
        if key.id in keys:
            raise InvalidSetting(f"FIELD_ENCRYPTION_KEYS has two keys of the id {key.id!r}. Give one another id.")
        twin = next((other.id for other in keys.values() if other.material == key.material), None)
        if twin is not None:
            raise InvalidSetting(f"FIELD_ENCRYPTION_KEYS has one key under two ids, {twin!r} and {key.id!r}.")
        keys[key.id] = key
    return MappingProxyType(keys)


@sensitive_variables()
def _parse_entry(position: int, entry: str) -> MasterKey:
    key_id, colon, material = entry.partition(":")
    # What stands before the colon may be a misplaced key: it is shown only when it has the form of an id.
    if not colon or not re.fullmatch(KEY_ID_PATTERN, key_id):
        raise InvalidSetting(
            f"FIELD_ENCRYPTION_KEYS, key number {position}: not of the form id:key "
            "(the id: 1 to 32 letters, digits, or any of _ . -)."
        )
    if not _MATERIAL.fullmatch(material):
        raise InvalidSetting(
            f"FIELD_ENCRYPTION_KEYS, key {key_id!r} (number {position}): not the base64url form of exactly 32 bytes."
        )
    return MasterKey(key_id, base64.urlsafe_b64decode(material.rstrip("=") + "="))


def generate_key(key_id: str | None = None) -> str:
    """Return a new random master key as `id:key`, the id by default k and the date (UTC), such as k20260131.

    Raises ValueError if `key_id` cannot be one.
    """
    key_id = f"k{datetime.now(UTC):%Y%m%d}" if key_id is None else key_id
    if not re.fullmatch(KEY_ID_PATTERN, key_id):
        raise ValueError("A key id is 1 to 32 letters, digits, or any of _ . -")
    return f"{key_id}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def key_id_of(stored: bytes) -> str | None:
    """Return the id of the key that `stored` is encrypted with, None if it is not in this module's format."""
    head = _split(stored)
    return head[0] if head else None


def _split(stored: bytes) -> tuple[str, bytes] | None:
    """Return key id and token."""
    form, size, rest = stored[:1], stored[1:2], stored[2:]
    if form != bytes([FORMAT]) or not size:
        return None
    key_id, token = rest[: size[0]].decode("latin-1"), rest[size[0] :]
    return (key_id, token) if token and re.fullmatch(KEY_ID_PATTERN, key_id) else None


@sensitive_variables()
def encrypt(text: str, cell: Cell) -> bytes:
    """Return what to store in `cell`. Raises ValueError if `text` is no valid Unicode."""
    key = writing_key()
    token = _cipher(key, cell).encrypt(_utf8(text))
    return bytes([FORMAT, len(key.id)]) + key.id.encode("ascii") + token


@sensitive_variables()
def decrypt(stored: bytes | memoryview | None, cell: Cell) -> str:
    """Return the text that encrypt() was given for this very cell; raise DecryptionError if there is none."""
    head = _split(bytes(stored)) if stored is not None else None
    if head is None:
        raise DecryptionError(f"{cell}: the value is {_what_is(stored)} and names no key id. Enter the secret anew.")
    key_id, token = head
    key = master_keys().get(key_id)
    if key is None:
        raise DecryptionError(
            f"{cell}: encrypted with the key {key_id!r}, and FIELD_ENCRYPTION_KEYS has no such key id. "
            "Put that key back, or enter the secret anew."
        )
    text = _open(token, key, cell)
    # Raised here, outside any except block: a cause or context could carry what was being decrypted.
    if text is None:
        raise DecryptionError(
            f"{cell}: under the key {key_id!r} the value is damaged, was moved here from another place, "
            "or was encrypted with another key of that id. Enter the secret anew."
        )
    return text


@sensitive_variables()
def _open(token: bytes, key: MasterKey, cell: Cell) -> str | None:
    try:
        return _cipher(key, cell).decrypt(token).decode()
    except (BadSignature, InvalidToken, ValueError):
        return None


@sensitive_variables()
def _cipher(key: MasterKey, cell: Cell) -> FernetBytes:
    derived = key.derive(64, _FOR_CELLS, cell.table, cell.column, cell.row)
    # Both keys explicit: what is left out, the package takes from CRYPTOGRAPHY_KEY and SECRET_KEY.
    return FernetBytes(derived[:32], FernetSigner(derived[32:], algorithm="sha256"))


def _what_is(stored: bytes | memoryview | None) -> str:
    if stored is None:
        return "NULL"
    return "not in the format of nullstore" if len(stored) else "empty"


@sensitive_variables()
def _utf8(text: str) -> bytes:
    data = text.encode(errors="replace")
    if data.decode() != text:
        # encode() would raise an error that carries the whole text.
        raise ValueError("The text is not valid Unicode: it holds half of a surrogate pair.")
    return data


@sensitive_variables()
def fingerprint(text: str) -> str:
    """Return 16 hex digits, equal for equal texts as long as the first master key stays the same."""
    derived = writing_key().derive(32, _FOR_FINGERPRINTS)
    return hmac.digest(derived, _utf8(text), "sha256")[:8].hex()
