"""Connections of our own beside Django's: for what must not share Django's session or transaction."""

from typing import Any

import psycopg
from django.db import connections

from nullstore.exceptions import DatabaseUnavailable


def connect(alias: str, **extra: Any) -> psycopg.Connection:
    """Return a new psycopg connection in autocommit mode to the database of `alias`, with Django's parameters.

    `extra` are further libpq parameters. Raises DatabaseUnavailable if the server does not let us in.
    """
    parameters = connections[alias].get_connection_params()
    for django_only in ("context", "cursor_factory"):
        parameters.pop(django_only, None)
    try:
        return psycopg.connect(**{**parameters, **extra}, autocommit=True)
    except psycopg.OperationalError as error:
        place = "{HOST}:{PORT}".format(**connections[alias].settings_dict)
        raise DatabaseUnavailable(f"{alias} at {place}: {str(error).strip()}") from error
