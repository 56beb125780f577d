"""What people rely on: users written to erebus appear in agents, and tasks follow what happens to them."""

import uuid

import pytest
from django.db import transaction

from nullstore.exceptions import ReplicationError, ReplicationTimeout
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.ping import ping
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    SUBSCRIPTION,
    TIMEOUT,
    add_task,
    add_user,
    assert_replicated,
    forwards,
    put_ahead_of_its_source,
    resubscribed,
)

pytestmark = pytest.mark.usefixtures("committed_pair")


def test_insert_update_and_delete_arrive() -> None:
    kept, changed, gone = (add_user(name, email=f"{name}@example.com") for name in ("kept", "changed", "gone"))
    assert_replicated(3)
    EREBUS_SQL.run(
        "UPDATE user_references SET is_active = false, metadata = '{\"a\": [1, null]}', email = NULL WHERE id = %s",
        [changed],
    )
    EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [gone])
    assert_replicated(2)
    assert AGENTS_SQL.value("SELECT is_active FROM user_references WHERE id = %s", [changed]) is False
    assert AGENTS_SQL.value("SELECT email FROM user_references WHERE id = %s", [kept]) == "kept@example.com"


def test_every_column_of_the_source_is_in_the_replica() -> None:
    query = """SELECT column_name, data_type, character_maximum_length, is_nullable FROM information_schema.columns
               WHERE table_name = 'user_references' ORDER BY column_name"""
    assert EREBUS_SQL.rows(query) == AGENTS_SQL.rows(query)


@pytest.mark.parametrize("users", [1, 500])
def test_deleted_users_leave_no_task_pointing_at_them(users: int) -> None:
    ids = [add_user(f"user-{number}") for number in range(users)]
    staying = add_user("staying")
    for user in ids:
        add_task(user)
    stays = add_task(staying)
    wait_until_replicated(TIMEOUT)
    EREBUS_SQL.run("DELETE FROM user_references WHERE id = ANY(%s)", [ids])
    assert_replicated(1)
    assert AGENTS_SQL.rows("SELECT id, user_id FROM tasks WHERE user_id IS NOT NULL") == [(stays, staying)]
    assert AGENTS_SQL.value("SELECT count(*) FROM tasks") == users + 1


def test_a_task_whose_user_goes_is_marked_as_updated() -> None:
    user = add_user("user")
    task = add_task(user)
    wait_until_replicated(TIMEOUT)
    before = AGENTS_SQL.value("SELECT updated_at FROM tasks WHERE id = %s", [task])
    EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [user])
    wait_until_replicated(TIMEOUT)
    assert AGENTS_SQL.value("SELECT updated_at FROM tasks WHERE id = %s", [task]) > before


def test_tasks_follow_a_user_to_another_id() -> None:
    user, other = add_user("user"), uuid.uuid4()
    task = add_task(user)
    wait_until_replicated(TIMEOUT)
    EREBUS_SQL.run("UPDATE user_references SET id = %s WHERE id = %s", [other, user])
    assert_replicated(1)
    assert AGENTS_SQL.value("SELECT user_id FROM tasks WHERE id = %s", [task]) == other


def test_a_task_may_name_a_user_who_has_not_arrived() -> None:
    user = uuid.uuid4()
    task = add_task(user)
    add_user("late", id=user)
    assert_replicated(1)
    assert AGENTS_SQL.value("SELECT user_id FROM tasks WHERE id = %s", [task]) == user


def test_a_rolled_back_user_never_arrives() -> None:
    EREBUS_SQL.run("BEGIN")
    add_user("ghost")
    EREBUS_SQL.run("ROLLBACK")
    add_user("real")
    assert_replicated(1)


def test_waiting_is_done_when_nothing_published_was_written() -> None:
    EREBUS_SQL.insert("crossroads_listings", listing_type="agent", title="a listing", author="somebody")
    assert wait_until_replicated(TIMEOUT) < TIMEOUT


def test_waiting_covers_commits_that_the_source_has_not_flushed() -> None:
    EREBUS_SQL.run("SET synchronous_commit = off")
    for number in range(20):
        add_user(f"user-{number}")
        assert_replicated(number + 1)


def test_waiting_inside_a_transaction_is_refused() -> None:
    with transaction.atomic(using="erebus"):
        add_user("not committed")
        with pytest.raises(ReplicationError, match="open transaction on erebus"):
            wait_until_replicated(TIMEOUT)


def test_waiting_in_vain_says_how_far_it_got() -> None:
    AGENTS_SQL.run("BEGIN")
    try:
        AGENTS_SQL.run("LOCK TABLE user_references IN ACCESS EXCLUSIVE MODE")
        add_user("held up")
        with pytest.raises(ReplicationTimeout, match=r"After \d\.\d s .*agents_user_sync has applied up to byte"):
            # The lock is held by the connection that asks: a short wait is enough.
            wait_until_replicated(0.2)
    finally:
        AGENTS_SQL.run("ROLLBACK")
    assert_replicated(1)


def test_a_subscription_that_is_ahead_of_its_source_is_no_success() -> None:
    """As after erebus was restored from a backup: rows would be passed over until the WAL gets there again."""
    with resubscribed():
        wait_until_replicated(TIMEOUT)
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        put_ahead_of_its_source()
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
        add_user("passed over")
        with pytest.raises(ReplicationError, match=r"was restored or replaced"):
            wait_until_replicated(TIMEOUT)
        forwards(SUBSCRIPTION, "agents")
        assert_replicated(1)


def test_an_ordinary_role_is_told_which_right_it_lacks(ordinary_role: str) -> None:
    with pytest.raises(
        ReplicationError, match=rf'GRANT EXECUTE .*pg_replication_origin_progress.* TO "{ordinary_role}"'
    ):
        wait_until_replicated(TIMEOUT)


def test_ping_leaves_nothing_behind() -> None:
    assert 0 < ping(TIMEOUT) < TIMEOUT
    assert_replicated(0)


def test_ping_removes_what_a_killed_one_left() -> None:
    add_user("nullstore-ping:killed", created_at="2020-01-01T00:00:00Z")
    add_user("somebody else", created_at="2020-01-01T00:00:00Z")
    ping(TIMEOUT)
    assert EREBUS_SQL.rows("SELECT source_identifier FROM user_references") == [("somebody else",)]
