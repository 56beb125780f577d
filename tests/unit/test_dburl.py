"""Database URLs: what is read, and what is refused in place of a connection to the wrong host."""

import pytest

from nullstore.dburl import parse_database_url
from nullstore.exceptions import InvalidDatabaseURL

GOOD = {
    "postgres://u:p@db.example:5440/erebus": ("u", "p", "db.example", 5440, "erebus"),
    "postgresql://u:p@127.0.0.1/erebus": ("u", "p", "127.0.0.1", 5432, "erebus"),
    "postgres://u@localhost:1/e": ("u", "", "localhost", 1, "e"),
    "postgres://u:a%23b%2Fc%3Fd%40e%3Af%25@h:1/e": ("u", "a#b/c?d@e:f%", "h", 1, "e"),
    "postgres://u:p@[::1]:5440/e": ("u", "p", "::1", 5440, "e"),
    "postgres://u:@h:1/e": ("u", "", "h", 1, "e"),
    "postgres://u:p@h:1/my%20db": ("u", "p", "h", 1, "my db"),
}
BAD = [
    "postgres://u:se#cret@h:5440/erebus",
    "postgres://u:se?cret@h:5440/erebus",
    "postgres://u:se/cret@h:5440/erebus",
    "postgres://u:se@cret@h:5440/erebus",
    "postgres://u:5/secret?x@h:5440/erebus",
    "postgres://u:5/secret@h:5440/erebus",
    "postgres://u:5/se#cret@h:5440/erebus",
    "postgres://u:se%cret@h:5440/erebus",
    "postgres://u:se:cret@h:5440/erebus",
    "postgres://u:secret@h:99999/erebus",
    "postgres://u:secret@h:0/erebus",
    "postgres://u:secret@h:port/erebus",
    "postgres://u:secret@/erebus",
    "postgres://u:secret@h:5440/",
    "postgres://u:secret@h:5440",
    "mysql://u:secret@h:5440/erebus",
    "u:secret@h:5440/erebus",
    " postgres://u:secret@h:5440/erebus",
    "secret",
    "",
]


@pytest.mark.parametrize(("url", "parts"), GOOD.items())
def test_every_part_arrives(url: str, parts: tuple[str, str, str, int, str]) -> None:
    parsed = parse_database_url("X", url)
    assert tuple(parsed[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == parts
    assert parsed["ENGINE"] == "django.db.backends.postgresql"


def test_options_arrive() -> None:
    parsed = parse_database_url("X", "postgres://u:p@h:1/e?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    assert parsed["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}


@pytest.mark.parametrize("url", BAD)
def test_what_could_mean_another_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidDatabaseURL, match="EREBUS_DATABASE_URL") as caught:
        parse_database_url("EREBUS_DATABASE_URL", url)
    assert "cret" not in str(caught.value)
