"""Problems of the processes that copy and apply: errors that grow, workers that come and go, a login refused."""

import os
import re
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from nullstore import conf
from nullstore.databases import AGENTS, EREBUS
from nullstore.replication.connect import connect
from nullstore.replication.health import watch
from tests.integration.looks import (
    RESYNC,
    assert_ok,
    codes,
    disable,
    do,
    enable,
    look,
    look_for,
    on,
    only_problem,
    problem_among,
)
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    add_user,
    slots,
    somebody_reads_the_replica,
    subscribe,
    unsubscribe,
    wait_for,
    wait_until_replicated,
)

pytestmark = [pytest.mark.usefixtures("committed_pair"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def errors_forgotten(committed_pair: None) -> Iterator[None]:
    """Where conflicts were ever counted a look takes longer, because they are counted late."""
    yield
    AGENTS_SQL.run("SELECT pg_stat_reset_subscription_stats(NULL)")


@pytest.fixture(scope="module", autouse=True)
def workers_start_again_soon(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What fails is tried again after 0.1 s, so that tests do not wait for it."""
    with django_db_blocker.unblock():
        on(AGENTS, "ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'", "SELECT pg_reload_conf()")
        yield
        on(AGENTS, "ALTER SYSTEM RESET wal_retrieve_retry_interval", "SELECT pg_reload_conf()")


def test_a_login_that_is_refused_is_the_cause_that_is_named() -> None:
    role = psycopg.sql.Identifier(conf.replication_role())
    change = psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}")
    try:
        with connect(EREBUS) as connection:
            connection.execute(change.format(role, "another one"))
        EREBUS_SQL.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        found = look_for("login_refused")
        (problem,) = found.problems
        assert "password authentication failed" in problem.seen
        assert problem.fix.endswith(rf"\password {conf.replication_role()}")
        assert conf.replication_password() not in repr(found)
    finally:
        with connect(EREBUS) as connection:
            connection.execute(change.format(role, conf.replication_password()))
    assert_ok()


def test_a_row_in_the_way_of_an_insert() -> None:
    key = uuid.uuid4()
    on(
        AGENTS,
        "SET session_replication_role = replica",
        f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{key}', 'by hand', 'email')",
    )
    add_user("the real one", id=key)
    found = look_for("apply_errors")
    assert found.problems[-1].fix == RESYNC
    if found.subscriber.server_version >= 18:
        look_for("conflicts")
    on(AGENTS, "SET session_replication_role = replica", f"DELETE FROM user_references WHERE id = '{key}'")
    assert_ok()


def test_errors_of_the_past_are_no_problem() -> None:
    """The counters count since ever; only what grows between two looks is wrong now."""
    counted = AGENTS_SQL.value("SELECT apply_error_count FROM pg_stat_subscription_stats")
    on(AGENTS, "ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> 'refused')")
    EREBUS_SQL.insert("user_references", source_identifier="refused", network="refused")
    wait_for(lambda: AGENTS_SQL.value("SELECT apply_error_count FROM pg_stat_subscription_stats") > counted)
    on(AGENTS, "ALTER TABLE user_references DROP CONSTRAINT by_hand")
    assert_ok()
    assert look().subscriber.errors.apply > 0


def test_updates_that_find_no_row_are_told_where_they_are_counted() -> None:
    user = add_user("user")
    wait_until_replicated(30)
    if look().subscriber.server_version < 18:
        pytest.skip("PostgreSQL counts conflicts from 18 on")
    on(AGENTS, "SET session_replication_role = replica", f"DELETE FROM user_references WHERE id = '{user}'")
    ended = threading.Event()

    def update() -> None:
        with connect(EREBUS) as connection:
            while not ended.wait(0.02):
                connection.execute("UPDATE user_references SET metadata = '{}' WHERE id = %s", [user])

    writer = threading.Thread(target=update)
    writer.start()
    try:
        problem = problem_among("conflicts")
        assert "update_missing" in problem.seen
    finally:
        ended.set()
        writer.join()
    # Its worker counts up to a second late, or when it ends.
    on(AGENTS, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_subscription WHERE pid IS NOT NULL")
    assert_ok()


LAUNCHER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'logical replication launcher'"


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_walsender_that_stands_still_is_lag_of_at_least_the_time_waited(settings: Settings) -> None:
    wait_until_replicated(30)
    add_user("user")
    settings.NULLSTORE_LAG_THRESHOLD = 0.2
    with stopped(EREBUS_SQL.value("SELECT active_pid FROM pg_replication_slots WHERE active")):
        add_user("held up")
        found = look(0.3)
    assert (found.verdict, found.verdict.exit_code, codes(found)) == ("lagging", 1, ["lagging"])
    assert found.lag_is_at_least
    assert found.lag_seconds is not None
    assert found.lag_seconds >= 0.3
    assert found.lag_bytes is not None
    assert found.lag_bytes > 0
    assert "NULLSTORE_LAG_THRESHOLD is 0.2 s" in found.problems[0].seen
    settings.NULLSTORE_LAG_THRESHOLD = 10.0
    assert_ok()


def test_no_worker_at_all() -> None:
    with stopped(AGENTS_SQL.value(LAUNCHER)):
        AGENTS_SQL.run("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL")
        (problem,) = look_for("worker_not_running").problems
        assert "of at most 16 (max_logical_replication_workers)" in problem.seen
    assert_ok()


def test_a_worker_that_is_being_started_again_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the timeout says: as long as the server takes for it."""
    wait_until_replicated(30)
    launcher, fails = AGENTS_SQL.value(LAUNCHER), watch._fails

    def go_on(*look: Any) -> bool:
        # Whether the worker fails is asked when the timeout has passed without one: only now can there be one again.
        os.kill(launcher, signal.SIGCONT)
        return fails(*look)

    with stopped(launcher):
        AGENTS_SQL.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_subscription WHERE pid IS NOT NULL")
        monkeypatch.setattr(watch, "_fails", go_on)
        found = look(0.01)
    assert (found.verdict, codes(found)) == ("ok", [])
    assert found.lag_seconds is not None
    assert found.lag_seconds > 0.01


def test_a_worker_that_comes_and_goes() -> None:
    wait_until_replicated(30)
    ended = threading.Event()

    def kill() -> None:
        with connect(AGENTS) as connection:
            while not ended.wait(0.05):
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL")

    killer = threading.Thread(target=kill)
    with connect(AGENTS) as session:
        session.execute("BEGIN; LOCK TABLE user_references IN SHARE MODE")  # else it would get on between two kills
        add_user("held up")
        killer.start()
        try:
            problem = problem_among("worker_restarting")
            assert re.search(r"the apply worker of agents_user_sync had the pids \d+(, \d+)+", problem.seen)
        finally:
            ended.set()
            killer.join()
        session.execute("ROLLBACK")
    assert_ok()


def test_somebody_else_on_the_slot() -> None:
    """As a copy of the agents server does that was started: it has the same subscription and takes the changes."""
    disable()
    ((slot, _),) = slots()
    with connect(EREBUS, replication="database") as thief:
        thief.pgconn.send_query(
            f"START_REPLICATION SLOT {slot} LOGICAL 0/0 "
            "(proto_version '1', publication_names 'erebus_user_sync')".encode()
        )
        wait_for(lambda: slots() == [(slot, True)])
        enable()
        (problem,) = look_for("slot_taken").problems
        assert look(0.05).verdict == "broken"
        assert f"walsender pid {thief.info.backend_pid} on erebus" in problem.seen
        EREBUS_SQL.run("SELECT pg_terminate_backend(%s, 5000)", [thief.info.backend_pid])
        thief.pgconn.finish()
    assert_ok()


def test_on_15_a_publication_that_was_made_again_is_named(made_again: None) -> None:
    if look().publisher.server_version > 15:
        pytest.skip("later versions go on, without what was written in between")
    disable()
    on(EREBUS, "DROP PUBLICATION erebus_user_sync")
    add_user("in between")
    on(
        EREBUS,
        "CREATE PUBLICATION erebus_user_sync FOR TABLE user_references WITH (publish = 'insert, update, delete')",
    )
    enable()
    problem = problem_among("apply_errors")
    assert "was dropped and made again" in problem.cause
    assert problem.fix == RESYNC
    do(problem)
    assert_ok()


def test_a_table_that_was_published_later_and_one_whose_copy_fails(made_again: None) -> None:
    add_user("there already")
    wait_until_replicated(30)
    refresh = "ALTER SUBSCRIPTION agents_user_sync REFRESH PUBLICATION"
    on(EREBUS, "ALTER PUBLICATION erebus_user_sync DROP TABLE user_references")
    on(AGENTS, refresh)
    on(EREBUS, "ALTER PUBLICATION erebus_user_sync ADD TABLE user_references")
    problem = only_problem("table_not_subscribed", timeout=0.1)
    assert problem.fix == RESYNC
    on(AGENTS, refresh)
    problem = problem_among("sync_errors")
    assert problem.fix == RESYNC
    do(problem)
    assert_ok()


#: The initial copy waits until the advisory lock is free, but not for the lock: nobody blocks it.
HELD_UP = """
    CREATE FUNCTION public.held_up() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WHILE NOT pg_try_advisory_xact_lock_shared(7) LOOP PERFORM pg_sleep(0.02); END LOOP;
        RETURN NEW;
    END $$;
    CREATE TRIGGER held_up AFTER INSERT ON public.user_references FOR EACH ROW EXECUTE FUNCTION public.held_up();
    ALTER TABLE public.user_references ENABLE ALWAYS TRIGGER held_up;
"""


def test_a_copy_that_goes_on(made_again: None, settings: Settings) -> None:
    settings.NULLSTORE_SLOT_TIMEOUT = 1
    add_user("user")
    unsubscribe()
    on(AGENTS, "SET session_replication_role = replica", "DELETE FROM user_references", HELD_UP)
    try:
        with connect(AGENTS) as session:
            session.execute("SELECT pg_advisory_lock(7)")
            with somebody_reads_the_replica():
                subscribe()
            wait_for(lambda: "table_not_ready" in codes(look(0.1)))
            found = look()
            assert (found.verdict, codes(found)) == ("syncing", ["table_not_ready"])
            assert "user_references is being copied (state d)" in found.problems[0].seen
    finally:
        on(AGENTS, "DROP FUNCTION public.held_up() CASCADE")
    assert_ok()
