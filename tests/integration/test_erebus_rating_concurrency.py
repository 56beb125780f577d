"""The rating of a listing stays true, and nobody deadlocks, when sessions write reviews at the same time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from psycopg.errors import SerializationFailure

DEADLINE = 10.0
REVIEW = "INSERT INTO crossroads_reviews (listing_id, reviewer_wallet, rating) VALUES (%s, %s, %s)"
FAVORITE = "INSERT INTO crossroads_favorites (listing_id, wallet_address) VALUES (%s, %s)"
MOVE = "UPDATE crossroads_reviews SET listing_id = %s WHERE reviewer_wallet = %s"

Connect = Callable[[], psycopg.Connection]
Start = Callable[..., "Future[psycopg.Cursor]"]


@pytest.fixture
def connect(committed_erebus: None) -> Iterator[Connect]:
    """Open sessions of their own; nothing in them waits longer than the deadline."""
    with ExitStack() as stack:

        def open_one() -> psycopg.Connection:
            connection = psycopg.connect(**connections["erebus"].get_connection_params())
            stack.callback(connection.close)
            connection.execute(f"SET statement_timeout = {int(DEADLINE * 1000)}")
            connection.commit()
            return connection

        yield open_one


@pytest.fixture
def start() -> Iterator[Start]:
    """Execute a statement in a thread, because it will have to wait."""
    with ThreadPoolExecutor() as pool:
        yield lambda session, *statement: pool.submit(session.execute, *statement)


@pytest.fixture
def listings(connect: Connect) -> list[UUID]:
    """Two listings, the one with the smaller id first."""
    session = connect()
    insert = "INSERT INTO crossroads_listings (listing_type, title, author) VALUES ('tool', 'x', 'x') RETURNING id"
    ids = [session.execute(insert).fetchone()[0] for _ in range(2)]
    session.commit()
    return sorted(ids)


def wait_until_blocked(waiting: psycopg.Connection, by: psycopg.Connection, watcher: psycopg.Connection) -> None:
    """Return as soon as `waiting` waits for a lock of `by`; fail at the deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        (blockers,) = watcher.execute("SELECT pg_blocking_pids(%s)", [waiting.info.backend_pid]).fetchone()
        watcher.rollback()
        if by.info.backend_pid in blockers:
            return
        time.sleep(0.01)
    pytest.fail(f"the session did not begin to wait within {DEADLINE} s")


def rated(session: psycopg.Connection, listing: UUID) -> tuple[Any, ...]:
    """Return rating and total_ratings as everybody sees them."""
    session.rollback()
    return session.execute("SELECT rating, total_ratings FROM crossroads_listings WHERE id = %s", [listing]).fetchone()


def test_two_sessions_that_review_a_listing_at_once_both_count(
    connect: Connect, start: Start, listings: list[UUID]
) -> None:
    one, other, watcher = connect(), connect(), connect()
    one.execute(REVIEW, [listings[0], "one", 5])

    second = start(other, REVIEW, [listings[0], "other", 2])
    wait_until_blocked(other, one, watcher)
    one.commit()
    second.result()
    other.commit()

    assert rated(watcher, listings[0]) == (Decimal("3.50"), 2)


def test_two_sessions_that_hold_foreign_key_locks_of_a_listing_do_not_deadlock(
    connect: Connect, start: Start, listings: list[UUID]
) -> None:
    """Each holds KEY SHARE since its favorite; a lock that conflicts with it would make each wait for the other."""
    one, other, watcher = connect(), connect(), connect()
    one.execute(FAVORITE, [listings[0], "one"])
    other.execute(FAVORITE, [listings[0], "other"])

    one.execute(REVIEW, [listings[0], "one", 5])
    second = start(other, REVIEW, [listings[0], "other", 2])
    wait_until_blocked(other, one, watcher)
    one.commit()
    second.result()
    other.commit()

    assert rated(watcher, listings[0]) == (Decimal("3.50"), 2)


def test_a_writer_of_the_rating_waits_for_reviews_under_way(
    connect: Connect, start: Start, listings: list[UUID]
) -> None:
    one, other, watcher = connect(), connect(), connect()
    one.execute(REVIEW, [listings[0], "one", 4])

    second = start(other, "UPDATE crossroads_listings SET rating = 1, total_ratings = 9 WHERE id = %s", [listings[0]])
    wait_until_blocked(other, one, watcher)
    one.commit()
    second.result()
    other.commit()

    assert rated(watcher, listings[0]) == (Decimal("4.00"), 1)


def test_a_review_that_is_rolled_back_does_not_count(connect: Connect, start: Start, listings: list[UUID]) -> None:
    one, other, watcher = connect(), connect(), connect()
    one.execute(REVIEW, [listings[0], "one", 1])

    second = start(other, REVIEW, [listings[0], "other", 5])
    wait_until_blocked(other, one, watcher)
    one.rollback()
    second.result()
    other.commit()

    assert rated(watcher, listings[0]) == (Decimal("5.00"), 1)


@pytest.mark.parametrize("source", [0, 1])
def test_a_review_that_moves_locks_the_listings_in_the_order_of_their_ids(
    connect: Connect, start: Start, listings: list[UUID], source: int
) -> None:
    """Else reviews that change places would deadlock. While it waits for the first, the second is not locked yet."""
    one, holder, watcher = connect(), connect(), connect()
    one.execute(REVIEW, [listings[source], "one", 3])
    one.commit()
    holder.execute("SELECT FROM crossroads_listings WHERE id = %s FOR NO KEY UPDATE", [listings[0]])

    move = start(one, MOVE, [listings[1 - source], "one"])
    wait_until_blocked(one, holder, watcher)
    watcher.execute("SELECT FROM crossroads_listings WHERE id = %s FOR NO KEY UPDATE NOWAIT", [listings[1]])
    watcher.rollback()
    holder.rollback()
    move.result()
    one.commit()

    assert rated(watcher, listings[source]) == (None, 0)
    assert rated(watcher, listings[1 - source]) == (Decimal("3.00"), 1)


def test_a_change_of_the_text_alone_does_not_wait_for_the_listing(connect: Connect, listings: list[UUID]) -> None:
    one, holder = connect(), connect()
    one.execute(REVIEW, [listings[0], "one", 3])
    one.commit()
    holder.execute("SELECT FROM crossroads_listings WHERE id = %s FOR NO KEY UPDATE", [listings[0]])

    one.execute("UPDATE crossroads_reviews SET review_text = 'good', rating = 3")
    one.commit()


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_older_snapshot_is_refused_rather_than_counted(connect: Connect, listings: list[UUID], level: str) -> None:
    one, other, watcher = connect(), connect(), connect()
    other.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
    assert other.execute("SELECT count(*) FROM crossroads_reviews").fetchone() == (0,)
    one.execute(REVIEW, [listings[0], "one", 4])
    one.commit()

    with pytest.raises(SerializationFailure):
        other.execute(REVIEW, [listings[0], "other", 1])

    assert rated(watcher, listings[0]) == (Decimal("4.00"), 1)


def test_a_listing_that_is_deleted_meanwhile_takes_the_review_with_it(
    connect: Connect, start: Start, listings: list[UUID]
) -> None:
    one, other, watcher = connect(), connect(), connect()
    one.execute(REVIEW, [listings[0], "one", 4])

    delete = start(other, "DELETE FROM crossroads_listings WHERE id = %s", [listings[0]])
    wait_until_blocked(other, one, watcher)
    one.commit()
    delete.result()
    other.commit()

    assert rated(watcher, listings[0]) is None
    assert watcher.execute("SELECT count(*) FROM crossroads_reviews").fetchone() == (0,)
