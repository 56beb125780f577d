"""Model fields that Django has no name for."""

import hashlib
import json
from decimal import Decimal
from typing import Any, Final, Self

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

#: Levels of a document up to which it is read: what Python's stack holds with a page's own calls on it, many times.
DEPTH: Final = 200
#: Characters of a document that is not read.
SHOWN: Final = 2000


class FixedCharField(models.CharField):
    """char(n): text of exactly max_length characters, such as a hash in hex."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return f"char({self.max_length})"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.db_type(connection)


class Unreadable(str):
    """The beginning of a JSON document that PostgreSQL holds and Python cannot; `digest` is that of all of it."""

    why = ""
    digest = ""

    @classmethod
    def of(cls, text: str, why: str) -> Self:
        made = cls(text[:SHOWN])
        made.why = why
        made.digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return made


class InexactNumber(ValueError):
    """A number of JSON that a float cannot be."""


def exact_float(text: str) -> float:
    """Return the number that the JSON `text` is. Raises InexactNumber where a float would be another one."""
    number = float(text)
    try:
        # Nearly all are written like that.
        exact = repr(number) == text or Decimal(repr(number)) == Decimal(text)
    except ArithmeticError:  # an exponent beyond those of Decimal
        exact = False
    if not exact:
        raise InexactNumber(f"{text[:50]} has more digits, or is larger or smaller, than a number that can be kept")
    return number


def read_document(text: str, decoder: type[json.JSONDecoder] | None = None) -> Any:
    """Return what the JSON `text` says, or Unreadable. Raises JSONDecodeError."""
    try:
        document = json.loads(text, cls=decoder, parse_float=exact_float)
    except RecursionError:
        return Unreadable.of(text, "Nested too deeply to be read")
    except json.JSONDecodeError:
        raise
    except ValueError:
        return Unreadable.of(text, "It holds a number of too many digits to be read")
    # Most have too few brackets.
    if text.count("[") + text.count("{") > DEPTH and is_deep(document):
        return Unreadable.of(text, "Nested too deeply to be read")
    return document


def is_deep(document: Any, depth: int = DEPTH) -> bool:
    """Return whether a document has more than `depth` levels."""
    level = [document]
    for _ in range(depth + 1):
        lists = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [item for items in lists for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


class Document(models.JSONField):
    """A JSON document that any service may have written. To migrations it is Django's own field."""

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(value, str):
            try:
                return read_document(value, self.decoder)
            except json.JSONDecodeError:
                return value
        return super().from_db_value(value, expression, connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, Unreadable):
            raise ValueError(f"{self.name} could not be read, so that it cannot be written: {value.why}.")
        return super().get_db_prep_value(value, connection, prepared)
