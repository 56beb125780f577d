"""The runtime role reads and writes rows, and nothing else; its rights are brought back to what is declared."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from nullstore.databases import ALIASES
from nullstore.exceptions import RuntimeRoleError
from nullstore.replication.connect import connect
from nullstore.runtime.reconcile import ensure_runtime_role
from tests.integration.adminpages import superuser
from tests.integration.baresql import BareSQL
from tests.integration.runtime_roles import PASSWORD, ROLES, ensure, logged_in

pytestmark = pytest.mark.usefixtures("committed_pair")

DENIED = "42501"
BOTH = (
    "CREATE TABLE mine ()",
    "CREATE SCHEMA mine",
    "CREATE EXTENSION hstore",
    "ALTER TABLE user_references ADD COLUMN mine int",
    "DROP TABLE user_references",
    "TRUNCATE user_references",
    "ALTER TABLE user_references DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "SELECT * FROM pg_authid",
    "SELECT subconninfo FROM pg_subscription",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY user_references (network) FROM PROGRAM 'id'",
    "SELECT pg_read_file('postgresql.conf')",
    "CREATE ROLE mine",
    "DELETE FROM django_migrations",
    "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
)
ONE = {
    "erebus": (
        "UPDATE secret_access_log SET reason = ''",
        "DELETE FROM django_admin_log",
        "DELETE FROM auth_user",
        "DELETE FROM axes_accessfailurelog",
        "UPDATE axes_accessfailurelog SET username = ''",
        "INSERT INTO axes_accesslog (username) VALUES ('x')",
        "ALTER PUBLICATION erebus_user_sync DROP TABLE user_references",
    ),
    "agents": (
        "INSERT INTO user_references (source_identifier, network) VALUES ('x', 'email')",
        "UPDATE user_references SET network = 'x'",
        "DELETE FROM user_references",
        "UPDATE ops_actions SET action = ''",
        "DELETE FROM ops_actions",
        "UPDATE engram_history SET summary = ''",
        "UPDATE task_transitions SET message = ''",
        "ALTER SUBSCRIPTION agents_user_sync DISABLE",
    ),
}


@pytest.fixture
def roles(committed_pair: None) -> Iterator[None]:
    """Both roles, with what is declared."""
    for alias in ALIASES:
        ensure(alias)
    yield
    for alias in ALIASES:
        ensure(alias)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(("alias", "statement"), [(alias, each) for alias in ALIASES for each in (*BOTH, *ONE[alias])])
def test_what_the_role_may_not(alias: str, statement: str) -> None:
    with connect(alias, user=ROLES[alias], password=PASSWORD) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
    assert caught.value.sqlstate == DENIED


@pytest.mark.usefixtures("roles")
def test_a_second_run_changes_nothing() -> None:
    for alias in ALIASES:
        change = ensure(alias)
        assert not change.any
        assert change.problems == []


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("alias", "statement", "revoked"),
    [
        ("agents", "GRANT UPDATE ON user_references TO {role}", "UPDATE on table user_references"),
        ("agents", "GRANT UPDATE (action) ON ops_actions TO {role}", "UPDATE (action) on table ops_actions"),
        ("erebus", "GRANT CREATE ON SCHEMA public TO {role}", "CREATE on schema public"),
        ("erebus", "GRANT TRUNCATE ON wallets TO {role}", "TRUNCATE on table wallets"),
        ("erebus", "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {role}", "EXECUTE on function pg_read_file(text)"),
    ],
)
def test_too_many_rights_are_taken_back(alias: str, statement: str, revoked: str) -> None:
    BareSQL(alias).run(statement.format(role=ROLES[alias]))
    assert ensure(alias, dry_run=True).revoked == [revoked]
    assert ensure(alias).revoked == [revoked]
    assert not ensure(alias).any


@pytest.mark.usefixtures("roles")
def test_a_right_that_went_is_given_again() -> None:
    BareSQL("agents").run(f"REVOKE SELECT ON tasks FROM {ROLES['agents']}")
    assert ensure("agents").granted == ["SELECT on table tasks"]


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("power", ["SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"])
def test_powers_are_told_of_and_not_taken(power: str) -> None:
    role, sql = ROLES["erebus"], BareSQL("erebus")
    sql.run(f"ALTER ROLE {role} {power}")
    try:
        assert f"{role} is {power}" in ensure("erebus").problems
        assert f"{role} is {power}" in ensure("erebus", dry_run=True).problems
    finally:
        sql.run(f"ALTER ROLE {role} NO{power}")


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("alias", "give", "take", "told"),
    [
        (
            "agents",
            "GRANT SELECT (subconninfo) ON pg_subscription TO {role}",
            "REVOKE SELECT (subconninfo) ON pg_subscription FROM {role}",
            "given rights on column subconninfo of table pg_subscription",
        ),
        (
            "agents",
            "GRANT SET ON PARAMETER session_replication_role TO {role}",
            "REVOKE SET ON PARAMETER session_replication_role FROM {role}",
            "given rights on parameter session_replication_role",
        ),
        (
            "agents",
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {role}",
            "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {role}",
            "given rights on default privileges on new relations belonging to role postgres",
        ),
        (
            "agents",
            "GRANT UPDATE ON user_references TO PUBLIC",
            "REVOKE UPDATE ON user_references FROM PUBLIC",
            "allowed UPDATE on user_references, as everybody is",
        ),
        (
            "agents",
            "ALTER FUNCTION tasks_touch() OWNER TO {role}",
            "ALTER FUNCTION tasks_touch() OWNER TO CURRENT_USER",
            "owner of function tasks_touch()",
        ),
        (
            "erebus",
            "CREATE SCHEMA theirs AUTHORIZATION {role}",
            "DROP SCHEMA theirs",
            "owner of schema theirs",
        ),
        (
            "erebus",
            "ALTER TABLE wallets OWNER TO {role}",
            "ALTER TABLE wallets OWNER TO CURRENT_USER",
            "owner of table wallets",
        ),
        (
            "erebus",
            "GRANT pg_read_all_data TO {role}",
            "REVOKE pg_read_all_data FROM {role}",
            "member of pg_read_all_data",
        ),
    ],
)
def test_rights_beyond_the_tables_are_told_of(alias: str, give: str, take: str, told: str) -> None:
    role, sql = ROLES[alias], BareSQL(alias)
    sql.run(give.format(role=role))
    try:
        assert [f"{role} is {told}"] == ensure(alias, dry_run=True).problems
    finally:
        sql.run(take.format(role=role))
    assert ensure(alias).problems == []


@pytest.mark.usefixtures("roles")
def test_a_temporary_table_is_nothing_to_tell_of() -> None:
    with connect("erebus", user=ROLES["erebus"], password=PASSWORD) as connection:
        connection.execute("CREATE TEMPORARY TABLE mine (id serial)")
        assert ensure("erebus").problems == []


@pytest.mark.usefixtures("roles")
def test_another_password_is_told_of_and_not_changed() -> None:
    with pytest.raises(RuntimeRoleError, match="with another password than AGENTS_DATABASE_URL"):
        ensure_runtime_role("agents", ROLES["agents"], "another")
    connect("agents", user=ROLES["agents"], password=PASSWORD).close()


@pytest.fixture
def console(roles: None) -> Iterator[Client]:
    with logged_in():
        yield superuser()


@pytest.mark.parametrize("page", ["", "replication/", "erebus_app/userreference/", "agents_app/task/"])
def test_the_console_runs_as_the_role(console: Client, page: str) -> None:
    assert connections["erebus"].settings_dict["USER"] == ROLES["erebus"]
    assert console.get(f"/admin/{page}").status_code == 200


def test_the_replication_page_sees_everything(console: Client) -> None:
    answer = console.get(reverse("admin:replication_status"), headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert "GRANT" not in answer.text
