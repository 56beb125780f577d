"""manage.py replication enable, disable, skip and drop-slot: what they do, and where they refuse."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from nullstore.replication.connect import connect
from nullstore.replication.slots import drop_slot
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    add_user,
    assert_replicated,
    resubscribed,
    slots,
    unsubscribe,
    wait_for,
)
from tests.integration.test_resync import behind_the_guard

NAME = "agents_user_sync"


def replication(*arguments: str) -> str:
    out = io.StringIO()
    call_command("replication", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def as_before(committed_pair: None) -> Iterator[None]:
    add_user("user")
    assert_replicated(1)
    yield
    behind_the_guard("DELETE FROM user_references WHERE network = 'mine'")
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} SET (disable_on_error = false)")
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} ENABLE")


def test_disabled_and_enabled_nothing_is_lost() -> None:
    assert "Disabled. While it is disabled its slot is lost after 4,096 MB of WAL" in replication(
        "disable", "--no-input"
    )
    assert AGENTS_SQL.rows("SELECT subenabled FROM pg_subscription") == [(False,)]
    assert AGENTS_SQL.rows("SELECT pid FROM pg_stat_subscription") == [(None,)]
    add_user("meanwhile")
    assert "Nothing was changed" in replication("disable", "--no-input")
    assert replication("enable") == "Enabled.\n"
    assert "enabled already" in replication("enable")
    assert_replicated(2)


def test_how_much_a_disabled_slot_may_keep_is_said() -> None:
    with connect("erebus") as erebus:
        try:
            erebus.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '512MB'")
            erebus.execute("SELECT pg_reload_conf()")
            wait_for(lambda: erebus.execute("SHOW max_slot_wal_keep_size").fetchone() == ("512MB",))
            said = json.loads(replication("disable", "--dry-run", "--json"))
        finally:
            erebus.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
            erebus.execute("SELECT pg_reload_conf()")
    assert "lost after 512 MB of WAL (max_slot_wal_keep_size)" in said["meaning"]
    assert said["changed"] is False
    assert AGENTS_SQL.rows("SELECT subenabled FROM pg_subscription") == [(True,)]


def test_a_subscription_that_lost_its_slot_is_not_enabled() -> None:
    with resubscribed():
        replication("disable", "--no-input")
        drop_slot("erebus", slots()[0][0])
        with pytest.raises(CommandError, match=r"cannot just go on: the slot .* is not on erebus.*resync") as refusal:
            replication("enable")
        assert refusal.value.returncode == 2


@pytest.mark.parametrize("action", ["enable", "disable"])
def test_without_a_subscription_the_command_that_makes_it_is_named(action: str) -> None:
    with resubscribed():
        unsubscribe()
        with pytest.raises(CommandError, match=r"has no subscription .* manage.py replication resync"):
            replication(action, *(["--no-input"] if action == "disable" else []))


def make_apply_fail() -> Any:
    """A transaction of three rows, of which one is in the replica already."""
    user = EREBUS_SQL.value("SELECT gen_random_uuid()")
    behind_the_guard(f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{user}', 'x', 'mine')")
    before = AGENTS_SQL.value("SELECT apply_error_count FROM pg_stat_subscription_stats")
    EREBUS_SQL.run(
        "INSERT INTO user_references (source_identifier, network) SELECT n, 'email' FROM generate_series(1, 2) n"
    )
    with connect("erebus") as erebus, erebus.transaction():
        erebus.execute("UPDATE user_references SET network = 'system' WHERE source_identifier = 'user'")
        erebus.execute("DELETE FROM user_references WHERE source_identifier = '2'")
        erebus.execute(f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{user}', 'y', 'email')")
    add_user("later")
    wait_for(lambda: AGENTS_SQL.value("SELECT apply_error_count FROM pg_stat_subscription_stats") > before)
    return user


@pytest.mark.parametrize("disabled", [False, True])
def test_the_failing_transaction_is_shown_whole_and_left_out(disabled: bool) -> None:
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} SET (disable_on_error = {disabled})")
    user = make_apply_fail()
    if disabled:
        wait_for(lambda: AGENTS_SQL.rows("SELECT subenabled FROM pg_subscription") == [(False,)])
    shown = replication("skip", "--dry-run")
    for line in ("UPDATE of 1 row in user_references", "DELETE of 1 row", "INSERT of 1 row", f"id = {user}"):
        assert line in shown
    assert len(EREBUS_SQL.rows("SELECT FROM pg_replication_slots")) == 1
    skipped = json.loads(replication("skip", "--no-input", "--json"))
    assert skipped["skipped"]
    assert sum(change["rows"] for change in skipped["changes"]) == 3
    wait_for(lambda: AGENTS_SQL.value("SELECT count(*) FROM user_references WHERE source_identifier = 'later'") == 1)
    names = {name for (name,) in AGENTS_SQL.rows("SELECT source_identifier FROM user_references")}
    assert names == {"user", "1", "2", "later", "x"}
    assert json.loads(replication("resync", "--no-input", "--json"))["verification"]["equal"]
    assert_replicated(4)


def test_where_nothing_fails_nothing_is_left_out() -> None:
    with pytest.raises(CommandError, match="does not fail: there is nothing to leave out"):
        replication("skip", "--no-input")


def test_an_old_error_is_no_reason_to_leave_out_what_waits() -> None:
    make_apply_fail()
    replication("resync", "--no-input")
    replication("disable", "--no-input")
    add_user("waits")
    with pytest.raises(CommandError, match="does not fail"):
        replication("skip", "--no-input")
    assert AGENTS_SQL.rows("SELECT subenabled FROM pg_subscription") == [(False,)]
    replication("enable")
    assert_replicated(5)


def make_slot(name: str) -> str:
    EREBUS_SQL.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    return name


@pytest.mark.parametrize("name", [f"{NAME}_0123abcd", f"{NAME}_0123abcdb", "pg_1_sync_16390_{server}"])
def test_a_slot_that_nobody_follows_is_dropped(name: str) -> None:
    server = AGENTS_SQL.value("SELECT system_identifier FROM pg_control_system()")
    name = make_slot(name.format(server=server))
    assert f"{name} can be dropped" in replication("drop-slot", name, "--dry-run")
    assert f"{name} is dropped" in replication("drop-slot", name, "--no-input")
    assert EREBUS_SQL.rows("SELECT FROM pg_replication_slots WHERE slot_name = %s", [name]) == []


def test_a_slot_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match="There is no slot nowhere on erebus"):
        replication("drop-slot", "nowhere", "--no-input")


@pytest.mark.parametrize("name", ["debezium", "pg_1_sync_16390_{other}", "pg_{oid}_sync_16390_{server}"])
def test_a_slot_of_somebody_else_is_left_alone(name: str) -> None:
    """Such as that of a table sync of another server, or of one of our own that is between two attempts."""
    server = AGENTS_SQL.value("SELECT system_identifier FROM pg_control_system()")
    oid = AGENTS_SQL.value("SELECT oid FROM pg_subscription")
    name = make_slot(name.format(server=server, other=server + 1, oid=oid))
    try:
        with pytest.raises(CommandError, match=rf"{name} on erebus is not one of this project's"):
            replication("drop-slot", name, "--no-input")
    finally:
        drop_slot("erebus", name)


@pytest.mark.parametrize("running", [True, False])
def test_our_slot_is_not_dropped(running: bool) -> None:
    ((slot, _),) = slots()
    if not running:
        replication("disable", "--no-input")
    else:
        wait_for(lambda: slots() == [(slot, True)])
    with pytest.raises(CommandError, match="is in use" if running else "follows the slot"):
        replication("drop-slot", slot, "--no-input")
    replication("enable")
    add_user("after")
    assert_replicated(2)


def test_a_subscription_of_which_somebody_takes_the_changes_is_not_enabled() -> None:
    with resubscribed():
        replication("disable", "--no-input")
        ((slot, _),) = slots()
        options = "(proto_version '1', publication_names 'erebus_user_sync')"
        thief = connect("erebus", replication="database")
        try:
            thief.pgconn.send_query(f"START_REPLICATION SLOT {slot} LOGICAL 0/0 {options}".encode())
            wait_for(lambda: slots() == [(slot, True)])
            with pytest.raises(CommandError, match="somebody else reads the slot"):
                replication("enable")
        finally:
            thief.close()
            wait_for(lambda: slots() == [(slot, False)])
