"""The replication role may do its work and nothing else, and its password shows up nowhere."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.state import ProjectState
from pytest_django import Settings

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.localdb.server import LocalServer
from nullstore.replication.conninfo import subscription_conninfo
from nullstore.replication.execute import execute_secret
from nullstore.replication.operations import ReplicationOperation
from nullstore.replication.renewal import create_statement
from tests.integration.baresql import BareSQL
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    PUBLICATION,
    ROLE,
    SUBSCRIPTION,
    add_user,
    assert_replicated,
    forwards,
    slots,
    subscribe,
    wait_for,
)
from tests.servers import Pair

pytestmark = pytest.mark.usefixtures("committed_pair")


def test_a_role_with_another_password_is_not_changed() -> None:
    EREBUS_SQL.run(f"ALTER ROLE {conf.replication_role()} PASSWORD 'of another pair'")
    before = EREBUS_SQL.value("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [conf.replication_role()])
    try:
        with pytest.raises(
            ReplicationError, match=r"exists on this server with another password than REPLICATION_PASS"
        ):
            forwards(ROLE, "erebus")
        after = EREBUS_SQL.value("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [conf.replication_role()])
        assert after == before
    finally:
        EREBUS_SQL.run(f"ALTER ROLE {conf.replication_role()} PASSWORD '{conf.replication_password()}'")


def test_a_role_that_lost_its_login_gets_it_back() -> None:
    EREBUS_SQL.run(f"ALTER ROLE {conf.replication_role()} NOLOGIN NOREPLICATION")
    forwards(ROLE, "erebus")
    add_user("user")
    assert_replicated(1)


@pytest.mark.parametrize("power", ["SUPERUSER", "CREATEROLE", "CREATEDB", "BYPASSRLS"])
def test_a_role_with_more_power_than_it_needs_is_refused(power: str) -> None:
    EREBUS_SQL.run(f"ALTER ROLE {conf.replication_role()} {power}")
    try:
        with pytest.raises(ReplicationError, match=f"exists and is {power}"):
            forwards(ROLE, "erebus")
    finally:
        EREBUS_SQL.run(f"ALTER ROLE {conf.replication_role()} NO{power}")


def test_an_ordinary_roles_failure_is_in_the_servers_log_without_the_password(ordinary_role: str, pair: Pair) -> None:
    """It may not switch logging off for itself."""
    statement = create_statement(SUBSCRIPTION.spec, "no_slot", subscription_conninfo("erebus"), copy_data=False)
    before = log_of(pair.agents, AGENTS_SQL)
    with pytest.raises(ReplicationError) as caught:
        execute_secret(connections["agents"], statement, "Creating the subscription")
    new = log_of(pair.agents, AGENTS_SQL).removeprefix(before)
    assert "ERROR" in new
    assert "subscription" in str(caught.value)
    assert conf.replication_password() not in logs(pair) + str(caught.value)


def test_the_role_may_read_what_is_published_and_nothing_else() -> None:
    readable = EREBUS_SQL.rows(
        """SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'S')
           AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')""",
        [conf.replication_role()],
    )
    assert readable == [("user_references",)]
    query = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin, rolreplication FROM pg_roles"
    assert EREBUS_SQL.rows(f"{query} WHERE rolname = %s", [conf.replication_role()]) == [
        (False, False, False, False, True, True)
    ]
    assert EREBUS_SQL.refusal(f"SET ROLE {conf.replication_role()}; DELETE FROM user_references").sqlstate == "42501"


def logs(pair: Pair) -> str:
    """All that the servers have logged until now, what is still on its way to the files included."""
    return "\n".join(log_of(server, sql) for server, sql in ((pair.erebus, EREBUS_SQL), (pair.agents, AGENTS_SQL)))


def log_of(server: LocalServer, sql: BareSQL) -> str:
    mark, found = f"mark {uuid4()}", ""

    def written() -> bool:
        nonlocal found
        found = "\n".join(file.read_text(errors="replace") for file in sorted(server.directory.glob("log/*")))
        return mark in found

    sql.run(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$")
    # A server hands its messages to another process, which writes them in their order, but later.
    wait_for(written)
    return found


def failing_subscription(settings: Settings) -> str:
    """Have the server refuse CREATE SUBSCRIPTION; return all that the error says, its causes included."""
    settings.REPLICATION_SOURCE = {"HOST": "127.0.0.1", "PORT": 1}
    with pytest.raises(CommandError, match="could not connect to the publisher") as caught:
        subscribe()
    return repr(caught.value) + repr(caught.value.__cause__)


def failing_role(settings: Settings) -> str:
    """Have the server refuse CREATE ROLE."""
    settings.REPLICATION_ROLE = "pg_reserved"
    with pytest.raises(ReplicationError, match="is reserved") as caught:
        forwards(ROLE, "erebus")
    return repr(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("fail", [failing_subscription, failing_role])
def test_a_failure_leaves_no_slot_and_shows_no_password(
    fail: Callable[[Settings], str],
    unsubscribed: None,
    settings: Settings,
    pair: Pair,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    for alias in ("erebus", "agents"):
        monkeypatch.setattr(connections[alias], "force_debug_cursor", True)
    said = fail(settings)
    secrets = (conf.replication_password(), "SCRAM-SHA-256$")
    for where in (said, caplog.text, logs(pair), *(str(connections[alias].queries) for alias in ("erebus", "agents"))):
        assert not any(secret in where for secret in secrets)
    assert "ERROR" in logs(pair)
    assert slots() == []


@pytest.mark.parametrize(
    ("app_label", "name", "shown"),
    [
        ("erebus_app", "0003", ["CREATE ROLE", "PASSWORD '********'", "CREATE PUBLICATION erebus_user_sync"]),
        ("agents_app", "0005", ["CREATE SUBSCRIPTION", "password=********", "copy_data = true"]),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_sqlmigrate_shows_the_statements_without_the_password(
    app_label: str, name: str, shown: list[str], backwards: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("sqlmigrate", app_label, name, backwards=backwards)
    out = capsys.readouterr().out
    assert conf.replication_password() not in out
    if backwards:
        assert "DROP" in out
    else:
        assert [fragment for fragment in shown if fragment not in out] == []


@pytest.mark.parametrize("operation", [ROLE, PUBLICATION, SUBSCRIPTION], ids=str)
def test_collecting_sql_asks_no_server(operation: ReplicationOperation, django_assert_num_queries: Any) -> None:
    alias = "agents" if operation is SUBSCRIPTION else "erebus"
    with (
        connections[alias].schema_editor(collect_sql=True, atomic=False) as editor,
        django_assert_num_queries(0, connection=connections["erebus"]),
        django_assert_num_queries(0, connection=connections["agents"]),
    ):
        operation.database_forwards(f"{alias}_app", editor, ProjectState(), ProjectState())
        operation.database_backwards(f"{alias}_app", editor, ProjectState(), ProjectState())
    assert editor.collected_sql
