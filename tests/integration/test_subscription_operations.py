"""The operations for subscriptions that are there: options, tables, and what PostgreSQL cannot alter."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, subscriptions
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreateSubscription,
    RemoveSubscription,
    UnguardReplica,
)
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    SUBSCRIPTION,
    TIMEOUT,
    add_user,
    assert_replicated,
    backwards,
    forwards,
    resubscribed,
    slots,
    sql_of,
    wait_for,
    wait_until_replicated,
)

NAME = "agents_user_sync"
#: As the migrations of the project declare it.
DECLARED: dict[str, Any] = {"publication": "erebus_user_sync", "publisher": "erebus", "options": {"binary": True}}
USERS: dict[str, Any] = {"tables": ("user_references",)}
MORE: dict[str, Any] = {"tables": ("user_references", "trial")}
FOLLOW_MORE = AlterPublication("erebus_user_sync", before=USERS, after=MORE)
REFRESH = AlterSubscription(NAME, before=DECLARED, after=DECLARED)


@pytest.fixture(autouse=True)
def subscribed_again(committed_pair: None) -> Iterator[None]:
    with resubscribed():
        yield


@pytest.fixture
def trial() -> Iterator[None]:
    """A table more, in both databases; the publication has it no longer at the end."""
    for database in (EREBUS_SQL, AGENTS_SQL):
        database.run("CREATE TABLE trial (id int PRIMARY KEY, word text)")
    EREBUS_SQL.run("GRANT SELECT ON trial TO nullblock_replicator")
    EREBUS_SQL.run("INSERT INTO trial SELECT n, 'word ' || n FROM generate_series(1, 5) AS n")
    yield
    backwards(FOLLOW_MORE, "erebus")
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} REFRESH PUBLICATION")
    for database in (EREBUS_SQL, AGENTS_SQL):
        database.run("DROP TABLE trial")


def with_options(**options: Any) -> dict[str, Any]:
    return {**DECLARED, "options": {**DECLARED["options"], **options}}


def alter(**options: Any) -> AlterSubscription:
    return AlterSubscription(NAME, before=DECLARED, after=with_options(**options))


def column(name: str) -> Any:
    return AGENTS_SQL.value(f"SELECT {name}::text FROM pg_subscription WHERE subname = %s", [NAME])


def version() -> int:
    return catalog.server_version(connections["agents"])


@pytest.mark.parametrize(
    ("options", "where", "altered", "default"),
    [
        ({"binary": False}, "subbinary", "false", "true"),
        ({"synchronous_commit": "local"}, "subsynccommit", "local", "off"),
        ({"disable_on_error": True}, "subdisableonerr", "true", "false"),
    ],
)
def test_an_option_is_altered_on_the_living_subscription(
    options: dict[str, Any], where: str, altered: str, default: str
) -> None:
    ((slot, _),) = slots()
    oid = column("oid")
    forwards(alter(**options), "agents")
    assert column(where) == altered
    backwards(alter(**options), "agents")
    assert column(where) == default
    assert ([name for name, _ in slots()], column("oid")) == ([slot], oid)
    add_user("user")
    assert_replicated(1)


@pytest.mark.parametrize(
    ("options", "since", "where", "altered"),
    [
        ({"origin": "none"}, 16, "suborigin", "none"),
        ({"streaming": "parallel"}, 16, "substream", "p"),
        ({"run_as_owner": True}, 16, "subrunasowner", "true"),
        ({"failover": True}, 17, "subfailover", "true"),
    ],
)
def test_an_option_of_a_later_version(options: dict[str, Any], since: int, where: str, altered: str) -> None:
    if version() < since:
        with pytest.raises(ReplicationError, match=rf"needs PostgreSQL {since}, and the server is PostgreSQL 15"):
            forwards(alter(**options), "agents")
    else:
        forwards(alter(**options), "agents")
        assert column(where) == altered
    add_user("user")
    assert_replicated(1)


def test_what_this_server_cannot_alter_is_refused_and_replication_goes_on() -> None:
    if version() < 18:
        with pytest.raises(ReplicationError, match=r"from PostgreSQL 18 on.*manage.py replication resync --anew"):
            forwards(alter(two_phase=True), "agents")
        assert column("subenabled") == "true"
    else:
        forwards(alter(two_phase=True), "agents")
        wait_for(lambda: column("subtwophasestate") == "e")
    add_user("user")
    assert_replicated(1)


@pytest.mark.parametrize("options", [{"two_phase": True}, {"failover": True, "disable_on_error": True}])
def test_a_slot_knows_of_its_subscriptions_options_from_the_start(options: dict[str, Any]) -> None:
    operation = CreateSubscription(NAME, **with_options(**options))
    if version() < 17 and "failover" in options:
        with pytest.raises(ReplicationError, match=r"failover = true needs PostgreSQL 17"):
            forwards(operation, "agents")
        return
    backwards(SUBSCRIPTION, "agents")
    forwards(operation, "agents")
    add_user("user")
    assert_replicated(1)
    flag = next(iter(options))
    wait_for(lambda: EREBUS_SQL.value(f"SELECT {flag} FROM pg_replication_slots WHERE slot_name = %s", [slots()[0][0]]))


def test_options_that_exclude_each_other_up_to_a_version() -> None:
    operation = alter(two_phase=True, failover=True)
    if version() < 18:
        with pytest.raises(ReplicationError, match=r"PostgreSQL 1[78]"):
            forwards(operation, "agents")
    else:
        forwards(operation, "agents")
        assert column("subfailover") == "true"
        add_user("user")
        assert_replicated(1)


def test_run_again_it_says_that_there_is_nothing_to_change(caplog: pytest.LogCaptureFixture) -> None:
    forwards(alter(disable_on_error=True), "agents")
    before = AGENTS_SQL.rows("SELECT xmin::text, oid FROM pg_subscription")
    caplog.set_level(logging.INFO, "nullstore.replication")
    forwards(alter(disable_on_error=True), "agents")
    assert AGENTS_SQL.rows("SELECT xmin::text, oid FROM pg_subscription") == before
    assert f"Subscription {NAME}: as declared, nothing to change" in caplog.text


def test_an_old_create_does_not_go_back_behind_a_later_alter(caplog: pytest.LogCaptureFixture) -> None:
    forwards(alter(disable_on_error=True), "agents")
    caplog.set_level(logging.INFO, "nullstore.replication")
    forwards(SUBSCRIPTION, "agents")
    assert column("subdisableonerr") == "true"
    assert "a later migration has altered it" in caplog.text


def test_differences_are_told() -> None:
    spec = SUBSCRIPTION.spec
    assert subscriptions.differences(connections["agents"], spec) == []
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere'")
    assert subscriptions.differences(connections["agents"], spec) == [
        "its connection string is not the one that the settings make"
    ]
    assert subscriptions.differences(connections["agents"], alter(disable_on_error=True).after)[1:] == [
        "disable_on_error is False"
    ]


@pytest.mark.parametrize("rows_before", [0, 3])
def test_a_table_more_is_followed(trial: None, rows_before: int) -> None:
    AGENTS_SQL.run("INSERT INTO trial SELECT n, 'of nobody' FROM generate_series(1, %s) AS n", [rows_before])
    forwards(FOLLOW_MORE, "erebus")
    EREBUS_SQL.run("INSERT INTO trial VALUES (6, 'in between')")
    forwards(REFRESH, "agents")
    EREBUS_SQL.run("UPDATE trial SET word = 'after' WHERE id = 5")
    wait_until_replicated(TIMEOUT)
    query = "SELECT * FROM trial ORDER BY id"
    assert AGENTS_SQL.rows(query) == EREBUS_SQL.rows(query)
    assert len(EREBUS_SQL.rows(query)) == 6
    add_user("user")
    assert_replicated(1)


def test_a_table_less_is_no_longer_followed(trial: None) -> None:
    forwards(FOLLOW_MORE, "erebus")
    forwards(REFRESH, "agents")
    wait_until_replicated(TIMEOUT)
    backwards(FOLLOW_MORE, "erebus")
    backwards(REFRESH, "agents")
    EREBUS_SQL.run("DELETE FROM trial")
    add_user("user")
    assert_replicated(1)
    assert AGENTS_SQL.value("SELECT count(*) FROM trial") == 5
    assert AGENTS_SQL.value("SELECT count(*) FROM pg_subscription_rel") == 1


def test_removed_and_back() -> None:
    remove = RemoveSubscription(NAME, **DECLARED)
    add_user("user")
    assert_replicated(1)
    forwards(remove, "agents")
    assert (slots(), AGENTS_SQL.rows("SELECT subname FROM pg_subscription")) == ([], [])
    add_user("missed")
    backwards(remove, "agents")
    assert_replicated(2)


def test_unguarded_it_can_be_written_and_reversed_not() -> None:
    unguard = UnguardReplica(table="user_references", source="erebus.user_references")
    insert = "INSERT INTO user_references (source_identifier, network) VALUES ('x', 'email')"
    forwards(unguard, "agents")
    try:
        AGENTS_SQL.run(insert)
    finally:
        backwards(unguard, "agents")
    assert AGENTS_SQL.refusal(insert).sqlstate == "NS001"


def test_the_sql_is_shown_without_a_server() -> None:
    assert sql_of(alter(disable_on_error=True, streaming="parallel"), "agents") == [
        f"ALTER SUBSCRIPTION {NAME} SET (disable_on_error = true, streaming = 'parallel');",
        f"ALTER SUBSCRIPTION {NAME} REFRESH PUBLICATION;",
    ]
    assert sql_of(alter(disable_on_error=True), "agents", backwards=True)[0] == (
        f"ALTER SUBSCRIPTION {NAME} SET (disable_on_error = false);"
    )


@pytest.mark.parametrize("operation", [alter(disable_on_error=True), RemoveSubscription(NAME, **DECLARED)])
def test_where_the_router_denies_nothing_is_asked(operation: Any) -> None:
    with (
        CaptureQueriesContext(connections["agents"]) as queries,
        connections["agents"].schema_editor(atomic=False) as editor,
    ):
        operation.database_forwards("erebus_app", editor, ProjectState(), ProjectState())
        operation.database_backwards("erebus_app", editor, ProjectState(), ProjectState())
    assert not queries
