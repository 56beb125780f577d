"""Transactions that are large, deep, prepared, or open for long."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from pytest_django import Settings

from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.scenarios import RUN_AGAIN, subject
from tests.faults.transactions import (
    insert_many,
    insert_text,
    large_row,
    prepared_transactions,
    stream_early,
    subtransactions,
)
from tests.integration.replicas import wait_for

scenario = subject(__name__, "Shapes of transactions")


@pytest.mark.slow
@scenario("200,000 rows in one transaction", injected="one INSERT of 200,000 users, while others write")
def test_a_large_transaction(fault: Fault) -> None:
    with fault.writing() as journal:
        insert_many(200_000)
        fault.ends()
        fault.equal(journal)
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier LIKE 'many-%%'") == 200_000


@pytest.mark.parametrize(
    "streamed",
    [
        pytest.param(
            False,
            marks=scenario(
                "50 subtransactions and a rollback",
                injected="50 savepoints, every second one rolled back; then the same, all rolled back",
            ),
            id="whole",
        ),
        pytest.param(
            True,
            marks=[
                scenario(
                    "50 subtransactions and a rollback, streamed",
                    injected="the same with logical_decoding_work_mem = 64 kB: sent before the outcome is known",
                ),
                pytest.mark.slow,
            ],
            id="streamed",
        ),
    ],
)
def test_subtransactions(fault: Fault, streamed: bool) -> None:
    if streamed:
        stream_early()
    subtransactions(fault)
    fault.ends()
    fault.equal()
    found = SQL["agents"].rows("SELECT source_identifier FROM user_references WHERE network = 'shape'")
    assert {name for (name,) in found} == {f"kept-{number}" for number in range(0, 50, 2)}
    if not streamed:
        fault.left_as_it_was()


@scenario("a row of 5 MB", injected="5 MB of JSON in one row, then an UPDATE of another column of it")
def test_a_large_row(fault: Fault) -> None:
    large_row(fault)
    fault.ends()
    fault.equal()
    query = "SELECT length(metadata->>'text'), is_active FROM user_references WHERE source_identifier = 'large'"
    assert SQL["agents"].rows(query) == [(5_000_000, False)]
    fault.left_as_it_was()


@pytest.mark.slow
@scenario(
    "prepared transactions",
    injected="three transactions prepared, erebus killed and started; one committed, one rolled back, one left",
)
def test_prepared_transactions(fault: Fault) -> None:
    with fault.writing() as journal:
        prepared_transactions(fault)
        fault.ends()
        fault.equal(journal)
    found = SQL["agents"].rows("SELECT source_identifier FROM user_references WHERE network = 'shape'")
    assert found == [("committed",)]


@pytest.fixture
def open_session(fault: Fault, settings: Settings) -> Iterator[psycopg.Connection]:
    """A session that has written to erebus and not committed, beside a pair without a subscription."""
    fault.manage("migrate agents_app 0004 --verbosity 0")
    settings.NULLSTORE_SLOT_TIMEOUT = 1.0
    with fault.connect() as session:
        session.execute("BEGIN")
        insert_text(session, "open", 10)
        yield session


OPEN = {"verdict": "syncing", "codes": ("migrations_pending",), "mend": RUN_AGAIN}


@pytest.mark.slow
@scenario(
    "a transaction open while the subscription is made",
    injected="a session that has written does not commit; the migration gives up and names it",
    **OPEN,
)
def test_an_open_transaction(fault: Fault, open_session: psycopg.Connection) -> None:
    with fault.writing() as journal:
        outcome = manage("migrate agents_app --verbosity 0")
        assert outcome.code == 2
        assert f"pid {open_session.info.backend_pid}" in outcome.err
        fault.shows()
        open_session.execute("COMMIT")
        fault.ends()
        fault.manage("migrate agents_app --verbosity 0")
        fault.equal(journal)
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'open'") == 1


@pytest.mark.slow
@scenario(
    "a prepared transaction while the subscription is made",
    injected="PREPARE TRANSACTION and nobody ends it; the migration gives up and names it",
    **OPEN,
)
def test_an_open_prepared_transaction(fault: Fault, open_session: psycopg.Connection) -> None:
    open_session.execute("PREPARE TRANSACTION 'forgotten'")
    outcome = manage("migrate agents_app --verbosity 0")
    assert outcome.code == 2
    assert "forgotten" in outcome.err
    fault.shows()
    open_session.execute("COMMIT PREPARED 'forgotten'")
    fault.ends()
    fault.manage("migrate agents_app --verbosity 0")
    fault.equal()


@contextmanager
def commit_once_waited_for(fault: Fault, session: psycopg.Connection) -> Iterator[None]:
    """Commit the session's transaction as soon as the making of the slot waits for it."""
    xid = session.execute("SELECT pg_current_xact_id()::xid").fetchone()

    def commit() -> None:
        with fault.connect() as watcher:
            query = "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND transactionid = %s AND NOT granted"
            wait_for(lambda: bool(watcher.execute(query, xid).fetchall()))
        session.execute("COMMIT")

    with ThreadPoolExecutor() as pool:
        done = pool.submit(commit)
        yield
        done.result()


@pytest.mark.slow
@scenario(
    "a transaction that ends while the subscription is made",
    injected="a session commits while the making of the slot waits for it",
)
def test_a_transaction_that_ends_in_time(fault: Fault, open_session: psycopg.Connection, settings: Settings) -> None:
    settings.NULLSTORE_SLOT_TIMEOUT = 30.0
    with fault.writing() as journal, commit_once_waited_for(fault, open_session):
        fault.ends()
        fault.manage("migrate agents_app --verbosity 0")
        fault.equal(journal)
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'open'") == 1
