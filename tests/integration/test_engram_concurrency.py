"""Two connections that write one engram at the same time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.db import connections

pytestmark = pytest.mark.usefixtures("committed_agents")

ENGRAM = "00000000-0000-4000-8000-000000000001"
GONE = "00000000-0000-4000-8000-000000000002"
UPDATE = "UPDATE engrams SET content = %s WHERE id = %s"
HISTORY = "INSERT INTO engram_history (engram_id, version, content, changed_by) VALUES (%s, 1, '{}', %s)"
DEADLINE_SECONDS = 20


def connect() -> psycopg.Connection[Any]:
    settings = connections["agents"].settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
    )


class Writers:
    """Two connections in a transaction each, one that looks on, and a thread for the writer that must wait."""

    def __init__(self, stack: ExitStack) -> None:
        self.second = stack.enter_context(connect())
        # Left before the thread that waits for it.
        self.threads = stack.enter_context(ThreadPoolExecutor(1))
        self.first = stack.enter_context(connect())
        self.onlooker = stack.enter_context(connect())
        self.onlooker.autocommit = True

    def in_background(self, action: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start what waits for the first connection; return once PostgreSQL says that it does."""
        future = self.threads.submit(action, *args)
        deadline = time.monotonic() + DEADLINE_SECONDS
        waits = "SELECT %s::int = ANY (pg_blocking_pids(%s::int))"
        pids = [self.first.info.backend_pid, self.second.info.backend_pid]
        while not self.onlooker.execute(waits, pids).fetchone()[0]:
            assert not future.done(), f"did not wait: {future.exception() or future.result()}"
            assert time.monotonic() < deadline, f"no lock was waited for within {DEADLINE_SECONDS} s"
            time.sleep(0.005)
        return future

    def trail(self, engram: str = ENGRAM) -> list[tuple[Any, ...]]:
        rows = "SELECT version, content, changed_by FROM engram_history WHERE engram_id = %s ORDER BY version"
        return self.onlooker.execute(rows, [engram]).fetchall()

    def current(self) -> tuple[Any, ...] | None:
        return self.onlooker.execute("SELECT version, content FROM engrams WHERE id = %s", [ENGRAM]).fetchone()


@pytest.fixture
def writers() -> Iterator[Writers]:
    with ExitStack() as stack:
        writers = Writers(stack)
        writers.onlooker.execute(
            "INSERT INTO engrams (id, wallet_address, engram_type, key, content) "
            "VALUES (%s, '0xabc', 'persona', 'a.b.c', '\"one\"')",
            [ENGRAM],
        )
        yield writers


def test_two_updates_make_consecutive_versions(writers: Writers) -> None:
    writers.first.execute(UPDATE, ['"two"', ENGRAM])
    waiting = writers.in_background(writers.second.execute, UPDATE, ['"three"', ENGRAM])
    writers.first.commit()
    waiting.result(DEADLINE_SECONDS)
    writers.second.commit()
    assert writers.current() == (3, "three")
    assert writers.trail() == [(1, "one", None), (2, "two", None)]


def test_two_entries_of_one_version_leave_the_first(writers: Writers) -> None:
    writers.first.execute(HISTORY, [ENGRAM, "first"])
    waiting = writers.in_background(writers.second.execute, HISTORY, [ENGRAM, "second"])
    writers.first.commit()
    assert waiting.result(DEADLINE_SECONDS).rowcount == 0
    writers.second.commit()
    assert writers.trail() == [(1, {}, "first")]


def test_an_entry_that_was_rolled_back_leaves_the_second(writers: Writers) -> None:
    writers.first.execute(HISTORY, [ENGRAM, "first"])
    waiting = writers.in_background(writers.second.execute, HISTORY, [ENGRAM, "second"])
    writers.first.rollback()
    assert waiting.result(DEADLINE_SECONDS).rowcount == 1
    writers.second.commit()
    assert writers.trail() == [(1, {}, "second")]


def test_a_service_that_writes_the_entry_first_does_not_deadlock_with_one_that_only_updates(writers: Writers) -> None:
    writers.first.execute(HISTORY, [ENGRAM, "service"])
    waiting = writers.in_background(writers.second.execute, UPDATE, ['"three"', ENGRAM])
    writers.first.execute(UPDATE, ['"two"', ENGRAM])
    writers.first.commit()
    waiting.result(DEADLINE_SECONDS)
    writers.second.commit()
    assert writers.current() == (3, "three")
    assert writers.trail() == [(1, {}, "service"), (2, "two", None)]


def test_two_entries_of_an_engram_that_is_gone_are_decided_by_the_unique_constraint(writers: Writers) -> None:
    writers.first.execute(HISTORY, [GONE, "first"])
    waiting = writers.in_background(writers.second.execute, HISTORY, [GONE, "second"])
    writers.first.commit()
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        waiting.result(DEADLINE_SECONDS)
    assert caught.value.diag.constraint_name == "engram_history_version_unique"
    assert writers.trail(GONE) == [(1, {}, "first")]
