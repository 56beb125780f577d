"""The replication migrations: run again, reversed, run where things exist already, run where they cannot."""

import threading
import time
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError
from django.db import NotSupportedError, connections, transaction
from django.db.migrations.state import ProjectState
from pytest_django import Settings

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.operations import (
    CreatePublication,
    ReplicationOperation,
)
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    GUARD,
    PUBLICATION,
    ROLE,
    SUBSCRIPTION,
    TIMEOUT,
    add_task,
    add_user,
    assert_replicated,
    empty_the_replica,
    forwards,
    migrate,
    resubscribed,
    slots,
    subscribe,
    unsubscribe,
    wait_until_replicated,
)

pytestmark = pytest.mark.usefixtures("committed_pair")


def state() -> list[Any]:
    """Everything in the catalogs that an operation could change, down to the version of the row."""
    return [
        EREBUS_SQL.rows("SELECT xmin::text, p::text FROM pg_publication AS p"),
        EREBUS_SQL.rows("SELECT xmin::text, r::text FROM pg_publication_rel AS r"),
        EREBUS_SQL.rows("SELECT xmin::text, rolname FROM pg_authid ORDER BY 2"),
        EREBUS_SQL.rows("SELECT slot_name FROM pg_replication_slots WHERE NOT temporary ORDER BY 1"),
        AGENTS_SQL.rows("SELECT xmin::text, s::text FROM pg_subscription AS s"),
    ]


@pytest.mark.parametrize(
    ("operation", "alias"), [(ROLE, "erebus"), (PUBLICATION, "erebus"), (SUBSCRIPTION, "agents")], ids=str
)
def test_running_again_changes_nothing(operation: ReplicationOperation, alias: str) -> None:
    add_user("user")
    wait_until_replicated(TIMEOUT)
    before = state()
    forwards(operation, alias)
    assert state() == before
    add_user("another")
    assert_replicated(2)


@pytest.mark.parametrize(
    ("operation", "alias"),
    [(ROLE, "agents"), (PUBLICATION, "agents"), (SUBSCRIPTION, "erebus"), (GUARD, "erebus")],
    ids=str,
)
def test_a_database_that_the_router_denies_gets_no_query(
    operation: Any, alias: str, django_assert_num_queries: Any
) -> None:
    app_label = "erebus_app" if alias == "agents" else "agents_app"
    with (
        connections[alias].schema_editor(atomic=False) as editor,
        django_assert_num_queries(0, connection=connections[alias]),
    ):
        operation.database_forwards(app_label, editor, ProjectState(), ProjectState())
        operation.database_backwards(app_label, editor, ProjectState(), ProjectState())


def test_backfill_takes_the_rows_that_are_there(unsubscribed: None) -> None:
    empty_the_replica()
    for number in range(1000):
        add_user(f"user-{number}")
    subscribe()
    assert_replicated(1000)
    add_user("after")
    assert_replicated(1001)


def test_reversed_it_leaves_no_subscription_no_slot_and_the_rows() -> None:
    with resubscribed():
        add_user("user")
        wait_until_replicated(TIMEOUT)
        unsubscribe()
        assert slots() == []
        assert AGENTS_SQL.rows("SELECT subname FROM pg_subscription") == []
        assert AGENTS_SQL.rows("SELECT source_identifier FROM user_references") == [("user",)]


def test_what_happened_while_it_was_reversed_is_caught_up_with() -> None:
    with resubscribed():
        same, changed, gone = (add_user(name) for name in ("same", "changed", "gone"))
        tasks = [add_task(user) for user in (same, changed, gone)]
        wait_until_replicated(TIMEOUT)
        unsubscribe()
        EREBUS_SQL.run("""UPDATE user_references SET metadata = '{"price": 1.00}' WHERE id = %s""", [changed])
        EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [gone])
        new = add_user("new")
        untouched = AGENTS_SQL.value("SELECT xmin::text FROM user_references WHERE id = %s", [same])
        subscribe()
        assert_replicated(3)
        assert AGENTS_SQL.value("SELECT xmin::text FROM user_references WHERE id = %s", [same]) == untouched
        assert AGENTS_SQL.value("SELECT count(*) FROM user_references WHERE id = %s", [new]) == 1
        users = [AGENTS_SQL.value("SELECT user_id FROM tasks WHERE id = %s", [task]) for task in tasks]
        assert users == [same, changed, None]


def test_numbers_that_are_equal_but_not_the_same_are_caught_up_with() -> None:
    with resubscribed():
        user = add_user("user", metadata={"price": 1})
        wait_until_replicated(TIMEOUT)
        unsubscribe()
        with transaction.atomic(using="erebus"):
            # Past the trigger that sets updated_at: nothing else may tell the rows apart.
            EREBUS_SQL.run("SET LOCAL session_replication_role = replica")
            EREBUS_SQL.run("""UPDATE user_references SET metadata = '{"price": 1.00}'""")
        subscribe()
        assert_replicated(1)
        assert AGENTS_SQL.value("SELECT metadata::text FROM user_references WHERE id = %s", [user]) == '{"price": 1.00}'


def test_the_whole_way_back_and_forth() -> None:
    with resubscribed():
        add_user("user")
        unsubscribe()
        migrate("erebus_app", "0002")
        assert catalog.publication(connections["erebus"], "erebus_user_sync") is None
        assert catalog.role(connections["erebus"], conf.replication_role()) is None
        migrate("erebus_app")
        subscribe()
        assert_replicated(1)


def test_without_a_publication_the_command_to_run_first_is_named(unsubscribed: None) -> None:
    migrate("erebus_app", "0002")
    with pytest.raises(CommandError, match=r"Run first: manage.py migrate --database=erebus"):
        subscribe()
    assert slots() == []


def test_a_publication_that_is_followed_is_not_taken_away() -> None:
    with pytest.raises(CommandError, match=r"Remove ours first: manage.py migrate agents_app 0004_replica"):
        migrate("erebus_app", "0002")
    add_user("user")
    assert_replicated(1)


def test_a_transaction_is_refused() -> None:
    with pytest.raises(NotSupportedError, match=r"CreateSubscription .* set atomic = False"):
        forwards(SUBSCRIPTION, "agents", atomic=True)


def test_a_publication_that_publishes_something_else_is_altered() -> None:
    oid = EREBUS_SQL.value("SELECT oid FROM pg_publication WHERE pubname = 'erebus_user_sync'")
    EREBUS_SQL.run("ALTER PUBLICATION erebus_user_sync SET (publish = 'insert, truncate')")
    EREBUS_SQL.run("ALTER PUBLICATION erebus_user_sync ADD TABLE wallets")
    forwards(PUBLICATION, "erebus")
    found = catalog.publication(connections["erebus"], "erebus_user_sync")
    assert found is not None
    assert found.publish == {"insert", "update", "delete"}
    assert found.tables == {"user_references"}
    assert EREBUS_SQL.value("SELECT oid FROM pg_publication WHERE pubname = 'erebus_user_sync'") == oid


def test_a_publication_of_all_tables_is_refused_with_the_difference() -> None:
    EREBUS_SQL.run("CREATE PUBLICATION everything FOR ALL TABLES")
    try:
        with pytest.raises(ReplicationError, match="everything exists FOR ALL TABLES"):
            forwards(CreatePublication("everything", tables=("user_references",)), "erebus")
    finally:
        EREBUS_SQL.run("DROP PUBLICATION everything")


def test_a_disabled_subscription_is_enabled() -> None:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    forwards(SUBSCRIPTION, "agents")
    add_user("user")
    assert_replicated(1)


def test_a_subscription_with_another_connection_gets_ours() -> None:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere'")
    forwards(SUBSCRIPTION, "agents")
    add_user("user")
    assert_replicated(1)


def test_an_open_transaction_does_not_hang_it(
    unsubscribed: None, open_transaction: psycopg.Connection, settings: Settings
) -> None:
    settings.NULLSTORE_SLOT_TIMEOUT = 2.0
    pid = open_transaction.info.backend_pid
    started = time.monotonic()
    with pytest.raises(CommandError, match=rf"within 2 s.*open there \(pid {pid} of postgres in test_erebus"):
        subscribe()
    assert time.monotonic() - started < TIMEOUT, "it hung until something else ended it"
    assert slots() == []
    assert AGENTS_SQL.rows("SELECT subname FROM pg_subscription") == []


def test_it_goes_on_once_the_open_transaction_has_ended(
    unsubscribed: None, open_transaction: psycopg.Connection
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'walsender'"

    def commit_when_waited_for() -> None:
        with connect("erebus") as observer:
            while observer.execute(waiting).fetchone() == (0,):
                if done.wait(0.02):
                    return
        open_transaction.execute("COMMIT")

    done = threading.Event()
    thread = threading.Thread(target=commit_when_waited_for)
    thread.start()
    try:
        subscribe()
    finally:
        done.set()
        thread.join()
    assert_replicated(1)
