"""Single made-up values. All chance comes from the generator given, so that a seed repeats them."""

import json
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

DAY: Final = 86_400.0

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _BASE58 for second in _BASE58)
# 44 digits of base 58 are a number of 32 bytes if the first is one of these; "1" is zero.
_KEY_STARTS: Final = tuple(first + second for first in _BASE58[1:17] for second in _BASE58)
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def generator(seed: int, subject: str) -> Random:
    """Return the chance of one subject: how many rows another subject has does not change it."""
    return Random(f"{seed}:{subject}")


def uuid_text(rng: Random) -> str:
    """Return a random UUID (version 4) as text."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def evm_address(rng: Random) -> str:
    """Return 0x and 40 hexadecimal digits."""
    return f"0x{rng.getrandbits(160):040x}"


def solana_address(rng: Random) -> str:
    """Return 32 bytes in base58: 44 characters."""
    return rng.choice(_KEY_STARTS) + "".join(rng.choices(_PAIRS, k=21))


def solana_signature(rng: Random) -> str:
    """Return what looks like a transaction's signature: 88 characters of base58."""
    return rng.choice(_KEY_STARTS) + "".join(rng.choices(_PAIRS, k=43))


def moment(seconds: float) -> datetime:
    """Return the moment that lies `seconds` after the epoch, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def json_text(value: Any) -> str:
    """Return `value` as JSON. Rows hold JSON as text: most of it is made once and used often."""
    return json.dumps(value, ensure_ascii=False)


def text_array(words: tuple[str, ...]) -> str:
    """Return a text[] literal. The words are plain: no commas, braces, quotes or backslashes."""
    return "{" + ",".join(words) + "}"


def weighted(shares: Mapping[H, int]) -> tuple[H, ...]:
    """Return each key as often as its share says: choosing from a tuple is faster than weighing each time."""
    return tuple(value for value, share in shares.items() for _ in range(share))


class Reservoir(Generic[T]):
    """An even sample of everything that was added, at most `size` items, in flat memory (algorithm R)."""

    def __init__(self, rng: Random, size: int) -> None:
        self.items: list[T] = []
        self._rng = rng
        self._size = size
        self._seen = 0

    def add(self, item: T) -> None:
        """Keep `item`, perhaps."""
        self._seen += 1
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := int(self._rng.random() * self._seen)) < self._size:
            self.items[place] = item
