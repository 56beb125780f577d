"""Names of PostgreSQL objects that nullstore makes."""

import re

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def check_identifier(name: str) -> str:
    """Return `name`; raise ValueError unless it is a lower-case identifier of at most 63 bytes.

    Narrower than PostgreSQL on purpose: such a name means the same with and without quotes, in SQL and in psql, and
    Django's quote_name(), which does not escape an embedded quote, is safe with it.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name for a PostgreSQL object here: lower-case letters, digits and _, "
            "not beginning with a digit, at most 63 characters"
        )
    return name
