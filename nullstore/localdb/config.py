"""The settings of a local server, written to a file of their own that postgresql.conf includes."""

from collections.abc import Mapping, Sequence
from typing import Final

#: Included at the end of postgresql.conf, where a person may add lines below it that win.
FILE_NAME: Final = "nullstore.conf"
INCLUDE: Final = f"include '{FILE_NAME}'"

_HEADER: Final = (
    "# `manage.py localdb start` writes this file. Your own settings go below the include in postgresql.conf.\n"
)

_SETTINGS: Final[Mapping[str, str]] = {
    # No socket file: programs reach the servers by the ports of the URLs only, and paths have a length limit.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    # The default of 4 silently stalls the fifth subscription of a server.
    "max_logical_replication_workers": "16",
    "max_sync_workers_per_subscription": "4",
    "max_worker_processes": "32",
    # How long apply waits before it connects again after a failure; the default is 5 s.
    "wal_retrieve_retry_interval": "500ms",
    # A slot that nobody reads must not fill the disk (the default is no limit).
    "max_slot_wal_keep_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # One file per day of the week, overwritten after a week: the log cannot grow for ever.
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "server-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}


#: Since 18 origins have a limit of their own; before, max_replication_slots was the limit for both.
_ORIGINS_COUNTED_APART: Final = 18


def render(addresses: Sequence[str], port: int, major: int, extra: Mapping[str, str]) -> str:
    """Return the file's content for PostgreSQL `major`; `extra` settings win over those of this module."""
    settings = {"listen_addresses": ",".join(addresses), "port": str(port), **_SETTINGS}
    if major >= _ORIGINS_COUNTED_APART:
        settings["max_active_replication_origins"] = settings["max_replication_slots"]
    return _HEADER + "".join(f"{name} = {_quote(value)}\n" for name, value in {**settings, **extra}.items())


def _quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
