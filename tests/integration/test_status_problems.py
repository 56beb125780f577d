"""Problems of publication, slot and subscription: each made for real, told apart, and mended."""

import threading
from collections.abc import Callable

import pytest
from django.core.management import call_command

from nullstore.databases import AGENTS, EREBUS
from nullstore.replication.connect import connect
from nullstore.replication.health import health
from nullstore.replication.lock import alone
from nullstore.replication.slots import drop_slot
from tests.integration.looks import (
    RESYNC,
    assert_ok,
    codes,
    disable,
    do,
    enable,
    look,
    on,
    only_problem,
    problem_among,
)
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    SUBSCRIPTION,
    add_user,
    forwards,
    put_ahead_of_its_source,
    record_later_migrations,
    slots,
    subscribe,
    unsubscribe,
    wait_for,
    wait_until_replicated,
)
from tests.integration.test_replication_repair import invalidate_slots, make_by_hand

pytestmark = pytest.mark.usefixtures("committed_pair")


def test_all_is_well() -> None:
    add_user("user")
    found = health()
    assert (found.verdict, found.problems, found.unseen) == ("ok", (), ())
    assert found.lag_seconds is not None
    assert 0 < found.lag_seconds < 1
    assert not found.lag_is_at_least
    assert found.lag_bytes is not None
    assert 0 <= found.lag_bytes < 1_000_000


def test_the_answer_about_a_healthy_pair_does_not_take_all_the_time_that_it_may() -> None:
    wait_until_replicated(30)
    assert health(timeout=60).seconds < 30


def test_nothing_is_wrong_while_others_write() -> None:
    """The two ends are asked one after the other: what came in between must look neither lost nor ahead."""
    ended = threading.Event()

    def write() -> None:
        with connect(EREBUS) as connection:
            while not ended.is_set():
                connection.execute(
                    "INSERT INTO user_references (source_identifier, network) VALUES (gen_random_uuid(), 'email')"
                )

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        assert {(found.verdict, found.problems) for found in (look(5) for _ in range(15))} == {("ok", ())}
    finally:
        ended.set()
        for writer in writers:
            writer.join()


def test_a_migration_that_waits_explains_what_it_will_make() -> None:
    unsubscribe()
    try:
        found = look()
        assert (found.verdict, codes(found)) == ("syncing", ["migrations_pending"])
        assert "agents lacks agents_app.0005_replication" in found.problems[0].seen
    finally:
        subscribe()
    assert_ok()


def test_a_pending_migration_does_not_hide_what_it_does_not_mend() -> None:
    unsubscribe()
    try:
        on(AGENTS, "ALTER TABLE user_references DISABLE TRIGGER user_references_guard")
        assert codes(look()) == ["migrations_pending", "guard_disabled"]
    finally:
        on(AGENTS, "ALTER TABLE user_references ENABLE TRIGGER user_references_guard")
        subscribe()


def test_a_run_that_works_on_the_subscription_is_named() -> None:
    with alone(AGENTS, "agents_user_sync"):
        found = look()
        assert (found.verdict, codes(found)) == ("syncing", ["work_in_progress"])
    assert_ok()


def test_a_disabled_subscription_is_told_once_and_since_when_it_stands() -> None:
    disable()
    problem = only_problem("subscription_disabled")
    found = look()
    assert (found.verdict, found.verdict.exit_code) == ("broken", 2)
    assert found.lag_is_at_least
    if found.publisher.server_version >= 17:
        before = found.lag_seconds
        assert before is not None
        wait_for(lambda: (look().lag_seconds or 0) > before)
    assert problem.fix == "manage.py replication enable"
    do(problem)
    assert_ok()


def publication_dropped() -> None:
    on(EREBUS, "DROP PUBLICATION erebus_user_sync")


def table_taken_out() -> None:
    on(EREBUS, "ALTER PUBLICATION erebus_user_sync SET TABLE wallets")


def deletes_left_out() -> None:
    on(EREBUS, "ALTER PUBLICATION erebus_user_sync SET (publish = 'insert, update')")


def slot_dropped() -> None:
    disable()
    ((slot, _),) = slots()
    drop_slot(EREBUS, slot)
    enable()


def detached() -> None:
    disable()
    on(AGENTS, "ALTER SUBSCRIPTION agents_user_sync SET (slot_name = NONE)")


def another_connection() -> None:
    on(AGENTS, "ALTER SUBSCRIPTION agents_user_sync CONNECTION 'host=127.0.0.1 port=1 dbname=erebus user=x password=y'")


def source_rolled_back() -> None:
    disable()
    put_ahead_of_its_source()
    enable()


@pytest.mark.parametrize(
    ("fault", "code", "seen"),
    [
        (publication_dropped, "publication_missing", "erebus has no publication erebus_user_sync"),
        (table_taken_out, "publication_differs", "it does not publish user_references"),
        (deletes_left_out, "publication_differs", "it publishes insert, update, not insert, update, delete"),
        (slot_dropped, "slot_missing", "erebus has no slot agents_user_sync_"),
        (detached, "slot_missing", "is detached from its slot (slot_name = NONE)"),
        (source_rolled_back, "source_rolled_back", "has applied up to byte"),
    ],
)
def test_what_only_a_resync_mends(fault: Callable[[], None], code: str, seen: str, made_again: None) -> None:
    fault()
    add_user("meanwhile")
    problem = problem_among(code, timeout=0.1)
    assert seen in problem.seen
    assert problem.fix == RESYNC
    do(problem)
    assert_ok()
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 1


def test_another_connection_string_needs_no_resync(made_again: None) -> None:
    another_connection()
    add_user("meanwhile")
    problem = problem_among("connection_differs", timeout=0.1)
    assert "its connection string is not the one that the settings make" in problem.seen
    assert problem.fix == "manage.py replication reconnect"
    do(problem)
    assert_ok()
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 1


def test_a_slot_that_was_invalidated_is_told_apart_and_its_end_is_announced(made_again: None) -> None:
    disable()
    try:
        on(EREBUS, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()")
        on(EREBUS, "SELECT pg_logical_emit_message(false, 'test', 'x')", "SELECT pg_switch_wal()")
        wait_for(lambda: "slot_near_limit" in codes(look()))
        (near,) = (problem for problem in look().problems if problem.code == "slot_near_limit")
        assert "has 0 of max_slot_wal_keep_size = 1,048,576 bytes left" in near.seen
        invalidate_slots()
        enable()
        problem = problem_among("slot_lost", timeout=0.1)
        assert "is lost" in problem.seen
        assert problem.fix == RESYNC
    finally:
        on(EREBUS, "ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")


def test_a_subscription_that_is_gone_and_the_slot_that_it_left(made_again: None) -> None:
    detached()
    on(AGENTS, "DROP SUBSCRIPTION agents_user_sync")
    ((slot, _),) = slots()
    found = look()
    assert codes(found) == ["subscription_missing", "slot_orphaned"]
    missing, orphaned = found.problems
    assert orphaned.fix == f"manage.py replication drop-slot {slot}"
    do(orphaned)
    assert slots() == []
    do(missing)
    assert_ok()


def test_a_slot_of_another_name(made_again: None) -> None:
    unsubscribe()
    make_by_hand()
    call_command("migrate", "agents_app", "0005", fake=True, verbosity=0)
    record_later_migrations()
    try:
        problem = problem_among("slot_elsewhere")
        assert "agents_user_sync follows the slot agents_user_sync; the one named for this database" in problem.seen
        assert problem.fix == RESYNC
        forwards(SUBSCRIPTION, AGENTS)
        wait_until_replicated(30)
        problem = only_problem("slot_orphaned")
        do(problem)
    finally:
        drop_slot(EREBUS, "agents_user_sync")
    assert_ok()


def test_orphans_are_slots_of_our_names_that_nobody_reads_or_follows() -> None:
    system = AGENTS_SQL.value("SELECT system_identifier FROM pg_control_system()")
    ours = ("agents_user_sync_deadbeef", f"pg_99999_sync_88888_{system}")
    others = ("somebody_elses", "pg_99999_sync_88888_1234567890")
    for name in (*ours, *others):
        EREBUS_SQL.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    try:
        found = look()
        assert codes(found) == ["slot_orphaned", "slot_orphaned"]
        assert {problem.fix.rpartition(" ")[2] for problem in found.problems} == set(ours)
        for problem in found.problems:
            do(problem)
        assert_ok()
    finally:
        for name in (*ours, *others):
            drop_slot(EREBUS, name)
