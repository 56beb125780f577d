"""Database URLs: what is read, and what is refused in place of a connection to the wrong host."""

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

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
    "postgres://u:secret@a,,b/erebus",
    "postgres://u:secret@a,b,/erebus",
    "postgres://u:secret@a:5440,b:99999/erebus",
    "postgres://u:secret@a b/erebus",
    "postgres://u:se,cret@a,b@c/erebus",
]
SEVERAL = {
    "postgres://u:p@a:1,b:2/e": ("a,b", "1,2"),
    "postgres://u:p@a,b/e": ("a,b", "5432,5432"),
    "postgres://u:p@a:1,[::1]:2,10.0.0.3/e": ("a,::1,10.0.0.3", "1,2,5432"),
}


@pytest.mark.parametrize(("url", "parts"), GOOD.items())
def test_every_part_arrives(url: str, parts: tuple[str, str, str, int, str]) -> None:
    parsed = parse_database_url("X", url)
    assert tuple(parsed[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == parts
    assert parsed["ENGINE"] == "django.db.backends.postgresql"


def test_options_arrive() -> None:
    parsed = parse_database_url("X", "postgres://u:p@h:1/e?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    assert parsed["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}


@pytest.mark.parametrize(("url", "place"), SEVERAL.items())
def test_of_several_servers_libpq_gets_all_and_takes_the_one_that_can_be_written(
    url: str, place: tuple[str, str]
) -> None:
    parsed = parse_database_url("X", url)
    assert (parsed["HOST"], parsed["PORT"], parsed["USER"], parsed["PASSWORD"], parsed["NAME"]) == (
        *place,
        "u",
        "p",
        "e",
    )
    assert parsed["OPTIONS"] == {"target_session_attrs": "read-write"}
    made = {"host": parsed["HOST"], "port": parsed["PORT"], **parsed["OPTIONS"]}
    assert conninfo_to_dict(make_conninfo(**made)) == made


def test_what_the_url_says_of_the_session_holds() -> None:
    parsed = parse_database_url("X", "postgres://u:p@a,b/e?target_session_attrs=any&sslmode=require")
    assert parsed["OPTIONS"] == {"target_session_attrs": "any", "sslmode": "require"}


def test_a_password_may_hold_a_comma() -> None:
    parsed = parse_database_url("X", "postgres://u:a,b@h:1/e")
    assert (parsed["PASSWORD"], parsed["HOST"], parsed["PORT"]) == ("a,b", "h", 1)
    assert "target_session_attrs" not in parsed.get("OPTIONS", {})


@pytest.mark.parametrize("url", BAD)
def test_what_could_mean_another_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidDatabaseURL, match="EREBUS_DATABASE_URL") as caught:
        parse_database_url("EREBUS_DATABASE_URL", url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("parameter", ["user", "password", "host", "port", "dbname"])
def test_what_has_a_place_of_its_own_is_refused_behind_the_question_mark(parameter: str) -> None:
    """There no check would find a published password, and Django would take one and pass over another."""
    with pytest.raises(InvalidDatabaseURL, match=f"EREBUS_DATABASE_URL has {parameter} behind") as caught:
        parse_database_url("EREBUS_DATABASE_URL", f"postgres://u@h:1/e?sslmode=require&{parameter}=secret")
    assert "secret" not in str(caught.value)
