"""Database URLs from the environment, read strictly.

A general URL parser takes `postgres://u:a#b@host/db` for a host "u" and a fragment: the connection would go to
the wrong place without a word. Here every part has its own set of characters, and anything else is refused.
"""

import re
from typing import Any
from urllib.parse import unquote

from environ import Env

from nullstore.exceptions import InvalidDatabaseURL

_URL = re.compile(
    r"""postgres(?:ql)?://
    (?:(?P<user>[^\s:/?\#@\[\]]+)(?::(?P<password>[^\s:/?\#@\[\]]*))?@)?
    (?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])
    (?::(?P<port>[0-9]{1,5}))?
    /(?P<name>[^\s/?\#@]+)
    (?:\?(?P<options>[^\s\#@]*))?""",
    re.VERBOSE,
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_database_url(variable: str, url: str) -> dict[str, Any]:
    """Return Django's settings of one PostgreSQL database, from the URL in the environment variable `variable`.

    Raises InvalidDatabaseURL, which names the variable and never shows the URL, because it holds a password.
    """
    match = _URL.fullmatch(url)
    if match is None or _BAD_ESCAPE.search(url):
        raise InvalidDatabaseURL(
            f"{variable} is not of the form postgres://user:password@host:port/database. "
            "In user and password write # as %23, / as %2F, : as %3A, ? as %3F, @ as %40 and % as %25."
        )
    if not 0 < int(match["port"] or 5432) < 65536:
        raise InvalidDatabaseURL(f"{variable}: the port {match['port']} is not between 1 and 65535.")
    parsed: dict[str, Any] = dict(Env.db_url_config(url, engine="django.db.backends.postgresql"))
    # db_url_config() gives "" for a missing port, and leaves the brackets of an IPv6 address to the caller.
    parsed["HOST"] = match["host"].strip("[]")
    parsed["PORT"] = int(match["port"] or 5432)
    parsed["NAME"] = unquote(match["name"])
    return parsed
