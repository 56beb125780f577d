"""Both databases on one server: the runtime role of one may log in to the other, and learns nothing there."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from nullstore.databases import ALIASES
from nullstore.replication.connect import connect
from tests.integration.baresql import BareSQL
from tests.integration.runtime_roles import PASSWORD

pytestmark = pytest.mark.usefixtures("committed_pair")

STRANGER = "stranger_of_the_other_database"
READABLE = """
    SELECT format('%s.%s', relnamespace::regnamespace, relname) FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND has_table_privilege(oid, 'SELECT')
        AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""


@pytest.fixture(params=ALIASES)
def stranger(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """A role of that server with the rights of PUBLIC, as the runtime role of another database has them here."""
    sql = BareSQL(request.param)
    sql.run(f"CREATE ROLE {STRANGER} LOGIN PASSWORD '{PASSWORD}'")
    try:
        with connect(request.param, user=STRANGER, password=PASSWORD) as connection:
            yield connection
    finally:
        sql.run(f"DROP ROLE {STRANGER}")


def test_it_reads_no_row(stranger: psycopg.Connection) -> None:
    assert stranger.execute(READABLE).fetchall() == []
    tables = stranger.execute("SELECT relname FROM pg_class WHERE relname = 'user_references'").fetchall()
    assert tables == [("user_references",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.execute("SELECT FROM user_references")


def test_it_writes_and_makes_nothing(stranger: psycopg.Connection) -> None:
    for statement in ("INSERT INTO user_references DEFAULT VALUES", "CREATE TABLE mine ()", "CREATE SCHEMA mine"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stranger.execute(statement)


def test_the_statistics_of_columns_are_not_shown(stranger: psycopg.Connection) -> None:
    assert stranger.execute("SELECT FROM pg_stats WHERE schemaname = 'public'").fetchall() == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.execute("SELECT FROM pg_statistic")


def test_what_everybody_can_read_of_the_catalogs_has_no_secret(stranger: psycopg.Connection) -> None:
    """Sources of functions, defaults, comments, settings, what others are doing."""
    questions = (
        "SELECT prosrc FROM pg_proc",
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef",
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint",
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger",
        "SELECT description FROM pg_description UNION ALL SELECT description FROM pg_shdescription",
        "SELECT setconfig::text FROM pg_db_role_setting",
        "SELECT setting FROM pg_settings",
        "SELECT query FROM pg_stat_activity",
        "SELECT srvoptions::text FROM pg_foreign_server",
        "SELECT umoptions::text FROM pg_user_mappings",
        "SELECT subslotname || subname FROM pg_subscription",
    )
    seen = "\n".join(str(text) for question in questions for (text,) in stranger.execute(question))
    assert len(seen) > 100_000
    secrets = [settings.SECRET_KEY, settings.REPLICATION_PASSWORD, settings.FIELD_ENCRYPTION_KEYS.split(":")[1]]
    secrets += [str(connections[alias].settings_dict["PASSWORD"]) for alias in ALIASES] + [PASSWORD]
    assert [secret for secret in secrets if secret in seen] == []
    assert not re.search(r"SCRAM-SHA-256\$|password\s*=", seen, re.IGNORECASE)
    for hidden in ("SELECT rolpassword FROM pg_authid", "SELECT subconninfo FROM pg_subscription"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stranger.execute(hidden)
