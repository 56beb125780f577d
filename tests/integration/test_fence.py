"""Waiting for the replica: around writes, across cut connections, and where waiting cannot help."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.apps import apps
from django.db import connections, transaction

from nullstore.exceptions import DatabaseUnavailable, ReplicationError, ReplicationTimeout
from nullstore.replication.connect import connect
from nullstore.replication.fence import replicated, wait_until_replicated
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT, add_user, assert_replicated, wait_for

pytestmark = pytest.mark.usefixtures("committed_pair")


@contextmanager
def stopped() -> Iterator[None]:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    try:
        yield
    finally:
        with connect("agents") as connection:
            connection.execute("ALTER SUBSCRIPTION agents_user_sync ENABLE")


def cut(alias: str) -> None:
    """End Django's connection from outside, as a restart of the server does."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with connect(alias) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)


def test_after_the_block_the_replica_has_what_it_wrote() -> None:
    source, replica = apps.get_model("erebus_app.UserReference"), apps.get_model("agents_app.UserReference")
    for number in range(20):
        with replicated(TIMEOUT):
            user = source.objects.create(source_identifier=f"user-{number}", network="email")
            source.objects.filter(pk=user.pk).update(network="system")
        assert replica.objects.get(pk=user.pk).network == "system"
        with replicated(TIMEOUT):
            user.delete()
        assert not replica.objects.filter(pk=user.pk).exists()


def test_a_block_that_fails_is_not_waited_for() -> None:
    with stopped(), pytest.raises(ZeroDivisionError), replicated(TIMEOUT):
        1 / 0  # noqa: B018


def test_in_an_open_transaction_the_block_does_not_even_begin() -> None:
    with (
        transaction.atomic(using="erebus"),
        pytest.raises(ReplicationError, match=r"open transaction on erebus.*Commit it, then wait"),
        replicated(),
    ):
        raise AssertionError("the block has run")


def test_it_says_how_far_it_got() -> None:
    late = pytest.raises(ReplicationTimeout, match=r"has applied up to .*apply worker does not run")
    with stopped(), late, replicated(timeout=0.1):
        add_user("user")


def test_a_transaction_that_goes_on_seeing_the_old_replica_is_refused() -> None:
    with transaction.atomic(using="agents"):
        AGENTS_SQL.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(ReplicationError, match="open transaction on agents that is repeatable read"):
            wait_until_replicated()
    with transaction.atomic(using="agents"):
        add_user("user")
        wait_until_replicated(TIMEOUT)
        assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 1


@pytest.mark.parametrize("alias", ["erebus", "agents"])
def test_a_connection_that_was_cut_before(alias: str) -> None:
    add_user("user")
    cut(alias)
    assert_replicated(1)


def cut_who_waits(other: psycopg.Connection, times: int) -> None:
    """End the connection of who waits for the replica, as soon as one does."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%latest_end_lsn%' AND pid <> pg_backend_pid()"
    for _ in range(times):
        wait_for(lambda: other.execute(waiting).fetchone() is not None)
        other.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({waiting}) AS w")


def test_a_connection_that_is_cut_while_it_waits() -> None:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    add_user("user")

    def cut_and_enable() -> None:
        with connect("agents") as other:
            cut_who_waits(other, 2)
            other.execute("ALTER SUBSCRIPTION agents_user_sync ENABLE")

    with ThreadPoolExecutor() as pool:
        done = pool.submit(cut_and_enable)
        wait_until_replicated(TIMEOUT)
        done.result()
    assert_replicated(1)


def test_a_server_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with stopped(), ThreadPoolExecutor() as pool, connect("agents") as other:
        add_user("user")
        with monkeypatch.context() as elsewhere:
            elsewhere.setitem(connections["agents"].settings_dict, "PORT", "1")
            done = pool.submit(cut_who_waits, other, 1)
            with pytest.raises(DatabaseUnavailable, match="agents went away while the replica was awaited"):
                wait_until_replicated(timeout=1.0)
            done.result()


def test_a_change_of_an_unpublished_table_is_waited_for_too() -> None:
    add_user("user")
    EREBUS_SQL.run("CREATE TABLE unpublished (a int)")
    try:
        EREBUS_SQL.run("INSERT INTO unpublished VALUES (1)")
        assert wait_until_replicated(TIMEOUT) < TIMEOUT
    finally:
        EREBUS_SQL.run("DROP TABLE unpublished")


def test_again_and_again_with_nothing_written() -> None:
    for _ in range(50):
        wait_until_replicated(TIMEOUT)


def test_without_autocommit_what_is_not_committed_is_not_waited_for() -> None:
    transaction.set_autocommit(False, using="erebus")
    try:
        add_user("user")
        with pytest.raises(ReplicationError, match="open transaction on erebus"):
            wait_until_replicated()
    finally:
        transaction.rollback(using="erebus")
        transaction.set_autocommit(True, using="erebus")


def test_a_big_transaction_that_stays_open_on_the_source_holds_nobody_up() -> None:
    """Applied in parallel (18), it holds a transaction id on the replica all the while."""
    with connect("erebus") as other:
        other.execute("SET logical_decoding_work_mem = '64kB'")
        with connect("erebus") as control:
            control.execute("ALTER SYSTEM SET logical_decoding_work_mem = '64kB'")
            control.execute("SELECT pg_reload_conf()")
        try:
            other.execute("BEGIN")
            other.execute(
                "INSERT INTO user_references (source_identifier, network) "
                "SELECT repeat('x', 100) || n, 'email' FROM generate_series(1, 3000) AS n"
            )
            for number in range(5):
                add_user(f"small-{number}")
                wait_until_replicated(TIMEOUT)
                assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == number + 1
            other.execute("ROLLBACK")
        finally:
            with connect("erebus") as control:
                control.execute("ALTER SYSTEM RESET logical_decoding_work_mem")
                control.execute("SELECT pg_reload_conf()")
