"""Connections of our own beside Django's: for what must not share Django's session or transaction.

They keep a session, with its locks, settings and snapshots; so they go past a pooler, to the server itself.
"""

import traceback
from typing import Any, Final

import psycopg
from django.db import connections

from nullstore import conf
from nullstore.exceptions import DatabaseUnavailable

_DJANGO_ONLY: Final = ("context", "cursor_factory", "prepare_threshold")


def parameters_of(alias: str, **extra: Any) -> dict[str, Any]:
    """Return libpq's parameters for the database of `alias`, with `extra` in their place. They hold a password.

    Role and database are those of Django's connection. Host, port and TLS are the owner's URL's, if there is one.
    """
    found = _parameters_of_django(alias)
    if server := conf.server_address(alias):
        found = {name: value for name, value in found.items() if not conf.is_about_the_server(name)}
        found |= server
    return {**found, **extra}


def connect(alias: str, **extra: Any) -> psycopg.Connection:
    """Return a new psycopg connection in autocommit mode to the server of `alias`, in the role of Django's connection.

    `extra` are further libpq parameters. Raises DatabaseUnavailable if the server does not let us in.
    """
    return _connect(alias, parameters_of(alias, **extra))


def connect_as_django(alias: str, **extra: Any) -> psycopg.Connection:
    """Like connect(), but through the pooler where Django goes through one: to see whether Django would get there."""
    return _connect(alias, {**_parameters_of_django(alias), **extra})


def address_of(alias: str) -> str:
    """Return host and port of the server to which connect() goes."""
    return "{host}:{port}".format(**{"host": "", "port": "", **parameters_of(alias)})


def _parameters_of_django(alias: str) -> dict[str, Any]:
    parameters = connections[alias].get_connection_params()
    return {name: value for name, value in parameters.items() if name not in _DJANGO_ONLY}


def _connect(alias: str, parameters: dict[str, Any]) -> psycopg.Connection:
    try:
        return psycopg.connect(**parameters, autocommit=True)
    except psycopg.OperationalError as error:
        # Its frames refer to each other, and one of them to the open socket of a server that did not answer in time.
        traceback.clear_frames(error.__traceback__)
        place = f"{parameters.get('host', '')}:{parameters.get('port', '')}"
        raise DatabaseUnavailable(f"{alias} at {place}: {str(error).strip()}") from error
