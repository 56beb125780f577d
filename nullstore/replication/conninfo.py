"""The connection string that a subscription stores, and how to show it."""

import re

import psycopg
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nullstore import conf

MASK = "********"


def subscription_conninfo(publisher: str) -> str:
    """Return the connection string with which the subscriber's server reaches the publisher's. It holds a password.

    The database is always the one that Django's alias names at this moment, so that a test run never subscribes to
    the real one.
    """
    return make_conninfo(
        **conf.replication_source(),
        dbname=connections[publisher].settings_dict["NAME"],
        user=conf.replication_role(),
        password=conf.replication_password(),
    )


def masked(conninfo: str) -> str:
    """Return the connection string with its password masked."""
    return make_conninfo(conninfo, password=MASK)


def same(one: str, other: str) -> bool:
    """Tell whether two connection strings mean the same; one that cannot be parsed equals none."""
    try:
        return _parameters(one) == _parameters(other)
    except psycopg.ProgrammingError:
        return False


def _parameters(conninfo: str) -> dict[str, str]:
    return {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}


def without_secrets(text: str) -> str:
    """Return an error text of a server or of libpq with the replication password and any password=... masked."""
    if password := conf.replication_password():
        text = text.replace(password, MASK)
    return re.sub(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s']+)", rf"\1{MASK}", text)
