"""The owner's URLs: who may change the databases' shape, apart from the role that only reads and writes rows."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.db import connections

from nullstore import conf
from nullstore.databases import ALIASES
from nullstore.exceptions import InvalidSetting

#: What the owner's URL replaces. Not NAME: a test run renames its databases.
_KEYS: Final = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


def owner_settings(alias: str) -> dict[str, Any]:
    """Return Django's settings of the database `alias` for its owner. They hold a password.

    Raises InvalidSetting where the owner's URL says where the server is, and not who the owner is.
    """
    runtime = connections[alias].settings_dict
    own = conf.owner_database(alias)
    if own and not own["USER"]:
        raise InvalidSetting(
            f"{alias.upper()}_OWNER_URL names no user, as for the web process: run this where it names the owner, "
            "postgres://user:password@host:port/database."
        )
    return {**runtime, **{key: own[key] for key in _KEYS}} if own else dict(runtime)


def variable_of(alias: str) -> str:
    """Return the environment variable that names the owner of the database `alias`."""
    return f"{alias.upper()}_{'OWNER' if conf.owner_database(alias) else 'DATABASE'}_URL"


@contextmanager
def as_owner() -> Iterator[None]:
    """Have Django's connections log in as the owner inside, and as before after it. For processes with one thread.

    Does nothing where no owner's URL is set, or inside itself.
    """
    wanted = {alias: owner_settings(alias) for alias in ALIASES}
    with ExitStack() as stack:
        for alias in ALIASES:
            current = connections[alias].settings_dict
            if any(current.get(key) != wanted[alias].get(key) for key in _KEYS):
                stack.callback(_log_in_with, alias, {key: current[key] for key in _KEYS})
                _log_in_with(alias, {key: wanted[alias][key] for key in _KEYS})
        yield


def _log_in_with(alias: str, settings: dict[str, Any]) -> None:
    connection = connections[alias]
    connection.close()
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict.update(settings)
