"""Database URLs from the environment, read strictly.

A general URL parser takes `postgres://u:a#b@host/db` for a host "u" and a fragment: the connection would go to
the wrong place without a word. Here every part has its own set of characters, and anything else is refused.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

from environ import Env

from nullstore.exceptions import InvalidDatabaseURL

_SERVER: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_URL = re.compile(
    r"""postgres(?:ql)?://
    (?:(?P<user>[^\s:/?\#@\[\]]+)(?::(?P<password>[^\s:/?\#@\[\]]*))?@)?
    (?P<servers>"""
    + _SERVER
    + r"""(?:,"""
    + _SERVER
    + r""")*)
    /(?P<name>[^\s/?\#@]+)
    (?:\?(?P<options>[^\s\#@]*))?""",
    re.VERBOSE,
)
#: Of the parameters of libpq, those with a place of their own: there passwords are checked, and kept out of logs.
_ELSEWHERE: Final = {"user", "password", "host", "port", "dbname"}
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_database_url(variable: str, url: str) -> dict[str, Any]:
    """Return Django's settings of one PostgreSQL database, from the URL in the environment variable `variable`.

    Several servers, `host:port,host:port`, are those of one database that fails over: libpq takes the one that can be
    written, unless target_session_attrs says otherwise. HOST and PORT hold them with commas then.
    Raises InvalidDatabaseURL, which names the variable and never shows the URL, because it holds a password.
    """
    match = _URL.fullmatch(url)
    if match is None or _BAD_ESCAPE.search(url):
        raise InvalidDatabaseURL(
            f"{variable} is not of the form postgres://user:password@host:port/database. "
            "In user and password write # as %23, / as %2F, : as %3A, ? as %3F, @ as %40 and % as %25."
        )
    servers = [_server(variable, server) for server in match["servers"].split(",")]
    start, end = match.span("servers")
    one_server = f"{url[:start]}localhost{url[end:]}"
    parsed: dict[str, Any] = dict(Env.db_url_config(one_server, engine="django.db.backends.postgresql"))
    for name in sorted(_ELSEWHERE & parsed.get("OPTIONS", {}).keys()):
        raise InvalidDatabaseURL(
            f"{variable} has {name} behind the question mark. It has its place before it, where it is looked for."
        )
    parsed["HOST"] = ",".join(host for host, _ in servers)
    parsed["PORT"] = servers[0][1] if len(servers) == 1 else ",".join(str(port) for _, port in servers)
    parsed["NAME"] = unquote(match["name"])
    if len(servers) > 1:
        parsed["OPTIONS"] = {"target_session_attrs": "read-write", **parsed.get("OPTIONS", {})}
    return parsed


def _server(variable: str, server: str) -> tuple[str, int]:
    """Return host, without the brackets of an IPv6 address, and port. Raises InvalidDatabaseURL."""
    host, _, port = server.rpartition(":") if re.search(r":[0-9]+$", server) else (server, "", "5432")
    if not 0 < int(port) < 65536:
        raise InvalidDatabaseURL(f"{variable}: the port {port} is not between 1 and 65535.")
    return host.strip("[]"), int(port)
