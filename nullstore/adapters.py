"""How values that PostgreSQL holds and Python cannot come out of it: moments before the year 1 and after 9999."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Self

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import BaseTzLoader  # type: ignore[import-untyped]
from django.db.backends.signals import connection_created
from psycopg import DataError, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Dumper

from nullstore.databases import ALIASES

#: What PostgreSQL writes of such a moment, in ISO style.
_BEYOND: Final = re.compile(r"-?infinity|\d{5,}-.*|\d{4,}-.* BC")


class Beyond(datetime):
    """A moment for which datetime has no room: its nearest end in UTC; `text` is what PostgreSQL says it is.

    It is written back as it was read. What arithmetic makes of it has no text.
    """

    text = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the end of time that is nearest to what PostgreSQL calls `text`."""
        end = datetime.min if text.startswith("-") or text.endswith("BC") else datetime.max
        made = cls.combine(end.date(), end.time(), UTC)
        made.text = text
        return made

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the moment that PostgreSQL calls `text`; None if datetime has room for it."""
        return cls.of(text) if _BEYOND.fullmatch(text) else None

    def astimezone(self, tz: tzinfo | None = None) -> Self:
        """Return it as it is where the other time zone's calendar ends before it."""
        try:
            moved = super().astimezone(tz)
        except OverflowError:
            moved = self.replace(tzinfo=tz or UTC)
        moved.text = self.text
        return moved


def named(moment: Any) -> str:
    """Return what PostgreSQL calls a moment that Python cannot hold; "" for all others."""
    return moment.text if isinstance(moment, Beyond) else ""


def later(moment: datetime, by: timedelta) -> datetime:
    """Return the moment `by` after another one, or that it is beyond the year 9999."""
    if isinstance(moment, Beyond):
        return moment
    try:
        return moment + by
    except OverflowError:
        return Beyond.of("after the year 9999")


class _BeyondDumper(Dumper):
    oid = postgres.types["timestamptz"].oid

    def dump(self, obj: Beyond) -> Buffer:
        return (obj.text or obj.isoformat(" ")).encode()


@lru_cache
def _loader(zone: tzinfo | None) -> type[BaseTzLoader]:
    """Return Django's loader for this time zone, which Django compares with that of the connection."""

    class LenientTzLoader(BaseTzLoader):
        timezone = zone

        def load(self, data: Buffer) -> datetime:
            try:
                moment: datetime = super().load(data)
            except DataError:
                moment = Beyond.of(bytes(data).decode())
            return moment

    return LenientTzLoader


def _register(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.alias in ALIASES and connection.connection is not None:
        adapters = connection.connection.adapters
        adapters.register_loader("timestamptz", _loader(connection.timezone))
        adapters.register_dumper(Beyond, _BeyondDumper)


def connect() -> None:
    """Have every connection that Django opens from now on read them."""
    connection_created.connect(_register, dispatch_uid="nullstore.adapters")
