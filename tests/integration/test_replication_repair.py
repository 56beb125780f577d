"""Running the migration's operation again over what somebody else made, or what was damaged meanwhile."""

import re
import threading
from contextlib import nullcontext

import psycopg
import pytest
from django.core.management import CommandError
from django.db import connections
from pytest_django import Settings

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, reconcile
from nullstore.replication.connect import connect
from nullstore.replication.lock import alone, lock_key
from nullstore.replication.slots import drop_slot, own_slot
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    PUBLICATION,
    SUBSCRIPTION,
    TIMEOUT,
    add_task,
    add_user,
    assert_replicated,
    forwards,
    put_ahead_of_its_source,
    resubscribed,
    slots,
    subscribe,
    unsubscribe,
    wait_for,
    wait_until_replicated,
)

pytestmark = pytest.mark.usefixtures("committed_pair")


def make_by_hand() -> None:
    """As the handbook says it: no name for the slot, so that it is called like the subscription."""
    conninfo = psycopg.conninfo.make_conninfo(
        host="127.0.0.1",
        port=connections["erebus"].settings_dict["PORT"],
        dbname=connections["erebus"].settings_dict["NAME"],
        user=conf.replication_role(),
        password=conf.replication_password(),
    )
    with connect("agents") as connection:
        connection.execute(
            psycopg.sql.SQL(
                "CREATE SUBSCRIPTION agents_user_sync CONNECTION {} PUBLICATION erebus_user_sync "
                "WITH (copy_data = false)"
            ).format(conninfo)
        )


def test_a_subscription_made_by_hand_becomes_ours_and_its_slot_is_left_and_named(
    unsubscribed: None, caplog: pytest.LogCaptureFixture
) -> None:
    make_by_hand()
    for number in range(10):
        add_user(f"user-{number}")
    subscribe()
    assert_replicated(10)
    ((left, used), (ours, active)) = slots()
    try:
        assert (left, used, active) == ("agents_user_sync", False, True)
        assert re.fullmatch("agents_user_sync_[0-9a-f]{8}", ours)
        assert "SELECT pg_drop_replication_slot('agents_user_sync')" in caplog.text
    finally:
        EREBUS_SQL.run("SELECT pg_drop_replication_slot('agents_user_sync')")


def test_a_subscription_whose_slot_is_gone_is_made_anew_and_nothing_is_lost() -> None:
    with resubscribed():
        add_user("before")
        wait_until_replicated(TIMEOUT)
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        ((slot, _),) = slots()
        drop_slot("erebus", slot)
        add_user("missed")
        forwards(SUBSCRIPTION, "agents")
        assert_replicated(2)


def test_a_slot_that_a_killed_run_left_is_replaced(unsubscribed: None) -> None:
    name = own_slot("agents_user_sync", connections["agents"], None)
    EREBUS_SQL.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    add_user("user")
    subscribe()
    assert_replicated(1)
    assert slots() == [(name, True)]


def test_a_slot_that_was_invalidated_is_replaced_and_nothing_is_lost() -> None:
    with resubscribed():
        add_user("before")
        wait_until_replicated(TIMEOUT)
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        add_user("missed")
        try:
            invalidate_slots()
            forwards(SUBSCRIPTION, "agents")
        finally:
            EREBUS_SQL.run("ALTER SYSTEM RESET max_slot_wal_keep_size")
            EREBUS_SQL.run("SELECT pg_reload_conf()")
        assert_replicated(2)


def test_a_disabled_subscription_that_is_ahead_of_its_source_is_not_just_enabled() -> None:
    """Its slot, which it has not spoken to since, looks sound."""
    with resubscribed():
        wait_until_replicated(TIMEOUT)
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        put_ahead_of_its_source()
        add_user("passed over")
        forwards(SUBSCRIPTION, "agents")
        assert_replicated(1)


def test_the_next_run_need_not_wait_until_the_server_notices_that_the_one_before_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_free() -> bool:
        return bool(second.execute("SELECT pg_try_advisory_lock(%s)", [lock_key("of a test")]).fetchone() == (True,))

    with connect("erebus") as first, connect("erebus") as second:
        monkeypatch.setattr("nullstore.replication.lock.connect", lambda alias: nullcontext(first))
        with alone("erebus", "of a test"):
            assert not is_free()
        assert is_free()


def invalidate_slots() -> None:
    """Have erebus write more WAL than it may keep for a slot that nobody reads."""
    EREBUS_SQL.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    EREBUS_SQL.run("SELECT pg_reload_conf()")
    wait_for(lambda: not any(active for _, active in slots()))

    def lost() -> bool:
        EREBUS_SQL.run("SELECT pg_logical_emit_message(false, 'test', 'x')")
        EREBUS_SQL.run("SELECT pg_switch_wal()")
        EREBUS_SQL.run("CHECKPOINT")
        return bool(EREBUS_SQL.value("SELECT bool_and(wal_status = 'lost') FROM pg_replication_slots"))

    wait_for(lost)


@pytest.mark.parametrize("narrowing", ["(id, source_identifier, network)", "WHERE (id IS NOT NULL)"])
def test_a_publication_of_some_columns_or_rows_publishes_all_again(narrowing: str) -> None:
    EREBUS_SQL.run(f"ALTER PUBLICATION erebus_user_sync SET TABLE user_references {narrowing}")
    forwards(PUBLICATION, "erebus")
    publication = catalog.publication(connections["erebus"], "erebus_user_sync")
    assert publication is not None
    assert not publication.columns
    assert not publication.filters
    add_user("user", email="user@example.com")
    assert_replicated(1)


def test_what_cannot_be_replaced_goes_on_as_it_was(
    unsubscribed: None, open_transaction: psycopg.Connection, settings: Settings
) -> None:
    open_transaction.execute("ROLLBACK")
    make_by_hand()
    open_transaction.execute("BEGIN")
    open_transaction.execute("INSERT INTO user_references (source_identifier, network) VALUES ('open', 'email')")
    settings.NULLSTORE_SLOT_TIMEOUT = 2.0
    with pytest.raises(CommandError, match="could not be made on erebus"):
        subscribe()
    try:
        open_transaction.execute("COMMIT")
        assert catalog.subscription(connections["agents"], "agents_user_sync").slot_name == "agents_user_sync"
        assert_replicated(1)
    finally:
        settings.NULLSTORE_SLOT_TIMEOUT = TIMEOUT
        subscribe()
        EREBUS_SQL.run("SELECT pg_drop_replication_slot('agents_user_sync')")


def test_a_second_run_waits_for_the_first_and_says_so(settings: Settings) -> None:
    settings.NULLSTORE_SLOT_TIMEOUT = 0.2
    with alone("agents", "agents_user_sync"), pytest.raises(ReplicationError, match="Another run is working on"):
        forwards(SUBSCRIPTION, "agents")
    settings.NULLSTORE_SLOT_TIMEOUT = TIMEOUT
    forwards(SUBSCRIPTION, "agents")


def test_two_runs_at_once_lose_nothing(unsubscribed: None) -> None:
    for number in range(500):
        add_user(f"user-{number}")
    failures: list[BaseException] = []

    def migrate() -> None:
        try:
            forwards(SUBSCRIPTION, "agents")
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    add_user("meanwhile")
    for thread in threads:
        thread.join()
    assert failures == []
    assert_replicated(501)
    assert [active for _, active in slots()] == [True]


@pytest.mark.parametrize("most", [0, 2, 100])
def test_rows_are_compared_one_by_one_or_all_of_them(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "_MOST", most)
    with resubscribed():
        users = [add_user(f"user-{number}") for number in range(6)]
        tasks = [add_task(user) for user in users]
        assert_replicated(6)
        versions = dict(AGENTS_SQL.rows("SELECT id, xmin::text FROM user_references"))
        unsubscribe()
        EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [users[0]])
        EREBUS_SQL.run("UPDATE user_references SET email = 'x@example.com' WHERE id = %s", [users[1]])
        add_user("user-6")
        subscribe()
        assert_replicated(6)
        left = dict(AGENTS_SQL.rows("SELECT id, xmin::text FROM user_references"))
        assert {id_ for id_, xmin in left.items() if versions.get(id_) == xmin} == set(users[2:])
        pointing = AGENTS_SQL.rows("SELECT id FROM tasks WHERE user_id IS NULL")
        assert pointing == [(tasks[0],)]


def test_rows_that_are_not_published_are_not_copied_when_the_subscription_is_made_again() -> None:
    only = "00000000-0000-0000-0000-00000000000a"
    with resubscribed():
        add_user("user", id=only)
        assert_replicated(1)
        unsubscribe()
        EREBUS_SQL.run(f"ALTER PUBLICATION erebus_user_sync SET TABLE user_references WHERE (id = '{only}')")
        add_user("not published")
        EREBUS_SQL.run("UPDATE user_references SET email = 'x@example.com' WHERE id = %s", [only])
        subscribe()
        assert AGENTS_SQL.rows("SELECT id::text, email FROM user_references") == [(only, "x@example.com")]
        forwards(PUBLICATION, "erebus")
    assert_replicated(2)
