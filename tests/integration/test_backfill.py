"""An empty replica is filled when the subscription is made: rows first, indexes after, exact under writers."""

import logging
import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connections
from psycopg.types.json import Json
from pytest_django import Settings

from nullstore.exceptions import ReplicationError
from nullstore.replication.compare.verification import verify
from nullstore.replication.connect import connect
from nullstore.replication.resync import resync
from tests.faults.writers import USERS, Writer, writing
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    SUBSCRIPTION,
    TIMEOUT,
    add_user,
    assert_replicated,
    forwards,
    resubscribed,
    slots,
    somebody_reads_the_replica,
    wait_until_replicated,
)

pytestmark = pytest.mark.usefixtures("committed_pair", "unsubscribed")

INDEXES = """
    SELECT relname, pg_get_indexdef(indexrelid), conname, pg_get_constraintdef(con.oid), obj_description(indexrelid),
           indisclustered, indisvalid
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid LEFT JOIN pg_constraint AS con ON conindid = indexrelid
        AND conrelid = indrelid
    WHERE indrelid = 'user_references'::regclass ORDER BY relname
"""
FILE = "SELECT relfilenode FROM pg_class WHERE oid = 'user_references'::regclass"
LEFT = "left to PostgreSQL's table sync to fill"
DOCUMENT = '{"a": [1.0, 1.00, 1e400, null], "\\u00e9": {"nested": "line\\nbreak \\\\N \\t"}}'


def fill_source(rows: int = 100) -> None:
    EREBUS_SQL.run(
        "INSERT INTO user_references (source_identifier, network, email, metadata) SELECT 'user-' || n, 'email', "
        "CASE WHEN n %% 2 = 0 THEN 'user-' || n || '@example.com' END, jsonb_build_object('n', n) "
        "FROM generate_series(1, %s) AS n",
        [rows],
    )


def subscribe_now() -> None:
    forwards(SUBSCRIPTION, "agents")


class Undone:
    """Statements on agents, and on erebus, that are taken back when the test ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def agents(self, statement: str, undo: str) -> None:
        AGENTS_SQL.run(statement)
        self._stack.callback(AGENTS_SQL.run, undo)

    def both(self, statement: str, undo: str) -> None:
        self.agents(statement, undo)
        EREBUS_SQL.run(statement)
        self._stack.callback(EREBUS_SQL.run, undo)


@pytest.fixture
def undone(unsubscribed: None) -> Any:
    with ExitStack() as stack:
        yield Undone(stack)


def test_every_value_arrives_to_the_byte_and_the_replica_is_there_when_it_returns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill_source(10)
    add_user('odd "quotes" \\ and \t tab', email="ünï@example.com")
    with connect("erebus") as session:
        session.execute(
            "INSERT INTO user_references (source_identifier, network, metadata, preferences, is_active, created_at) "
            "VALUES (%s, 'email', %s::jsonb, %s, false, '0044-03-15 12:00 BC'), (%s, 'email', '{}', '{}', true, "
            "'infinity')",
            ["\u0001 control", DOCUMENT, Json([]), str(uuid.uuid4())],
        )
    subscribe_now()
    # At once, without waiting: the rows are committed with the subscription.
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 13
    # By name: other tests take columns away and put them back, in another place.
    named = (
        "id, source_identifier, network, source_type, email, metadata, preferences, is_active, created_at, updated_at"
    )
    query = f"SELECT ROW({named})::text FROM user_references ORDER BY id"
    assert AGENTS_SQL.rows(query) == EREBUS_SQL.rows(query)
    assert LEFT not in caplog.text
    add_user("later")
    assert_replicated(14)


def test_nothing_is_lost_and_nothing_comes_twice_while_users_are_written() -> None:
    fill_source(2000)
    with writing(*(Writer(lambda: connect("erebus"), f"writer-{number}") for number in range(2))) as journal:
        subscribe_now()
        journal.wait_for_commits(20)
    with connect("erebus") as session:
        journal.check(session, USERS)
    wait_until_replicated(TIMEOUT)
    assert verify(audit=True).equal


def test_indexes_are_just_what_they_were(undone: Undone) -> None:
    for number, (make, drop) in enumerate(
        [
            ("CREATE INDEX extra_{0} ON user_references (lower(network)) WHERE is_active", "DROP INDEX extra_{0}"),
            ("CREATE INDEX extra_{0} ON user_references USING gin (metadata jsonb_path_ops)", "DROP INDEX extra_{0}"),
            (
                "CREATE INDEX extra_{0} ON user_references (network) INCLUDE (email) WITH (fillfactor = 70)",
                "DROP INDEX extra_{0}",
            ),
            (
                "ALTER TABLE user_references ADD CONSTRAINT extra_{0} UNIQUE NULLS NOT DISTINCT (id, email) DEFERRABLE",
                "ALTER TABLE user_references DROP CONSTRAINT extra_{0}",
            ),
            (
                "CREATE INDEX extra_{0} ON user_references (created_at); COMMENT ON INDEX extra_{0} IS 'kept'; "
                "ALTER TABLE user_references CLUSTER ON extra_{0}",
                "DROP INDEX extra_{0}",
            ),
        ]
    ):
        undone.agents(make.format(number), drop.format(number))
    # A view that groups by the key cannot do without it.
    undone.agents("CREATE VIEW seen AS SELECT id, network FROM user_references GROUP BY id", "DROP VIEW seen")
    before = AGENTS_SQL.rows(INDEXES)
    assert sum(name.startswith("extra_") for name, *_ in before) == 5
    fill_source()
    subscribe_now()
    assert AGENTS_SQL.rows(INDEXES) == before
    assert_replicated(100)
    # They are not only there, they have the rows.
    AGENTS_SQL.run("ANALYZE user_references")
    with connect("agents") as session:
        session.execute("SET enable_seqscan = off")
        row = session.execute("SELECT count(*) FROM user_references WHERE lower(network) = 'email'").fetchone()
    assert row == (100,)


@pytest.mark.parametrize(
    ("there", "here", "given"),
    [("integer", "bigint", "7"), ("user_state", "user_state", "old"), ("date", "text", "today")],
)
def test_values_travel_as_text_where_the_types_are_not_the_same(
    undone: Undone, caplog: pytest.LogCaptureFixture, there: str, here: str, given: str
) -> None:
    undone.both("CREATE TYPE user_state AS ENUM ('new', 'old')", "DROP TYPE user_state CASCADE")
    remove = "ALTER TABLE user_references DROP COLUMN IF EXISTS state"
    undone.both(f"ALTER TABLE user_references ADD COLUMN state {there}", remove)
    AGENTS_SQL.run(f"ALTER TABLE user_references ALTER COLUMN state TYPE {here} USING NULL")
    fill_source()
    EREBUS_SQL.run("UPDATE user_references SET state = %s", [given])
    subscribe_now()
    assert LEFT not in caplog.text
    query = "SELECT state::text, count(*) FROM user_references GROUP BY 1"
    assert AGENTS_SQL.rows(query) == EREBUS_SQL.rows(query)
    wait_until_replicated(TIMEOUT)


def test_a_table_that_others_refer_to_is_filled_too(undone: Undone, caplog: pytest.LogCaptureFixture) -> None:
    undone.agents(
        "CREATE TABLE notes (user_id uuid REFERENCES user_references (id) ON DELETE CASCADE)", "DROP TABLE notes"
    )
    before = AGENTS_SQL.value(FILE)
    fill_source()
    subscribe_now()
    assert AGENTS_SQL.value(FILE) == before  # TRUNCATE is refused for such a table
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 100
    assert LEFT not in caplog.text


def test_without_any_user_nobody_is_kept_waiting() -> None:
    with somebody_reads_the_replica():
        subscribe_now()
    add_user("the first")
    assert_replicated(1)


class TestWhatCannotBeFilledIsLeftToTheTableSync:
    def test_a_column_that_only_comes_later(self, caplog: pytest.LogCaptureFixture) -> None:
        EREBUS_SQL.run("ALTER TABLE user_references ADD COLUMN nickname text DEFAULT 'nick'")
        try:
            fill_source()
            subscribe_now()
            assert LEFT in caplog.text
            assert "nickname" in caplog.text
            assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 0
            AGENTS_SQL.run("ALTER TABLE user_references ADD COLUMN nickname text")
            wait_until_replicated(TIMEOUT)
            assert AGENTS_SQL.value("SELECT count(*) FROM user_references WHERE nickname = 'nick'") == 100
        finally:
            EREBUS_SQL.run("ALTER TABLE user_references DROP COLUMN nickname")
            AGENTS_SQL.run("ALTER TABLE user_references DROP COLUMN IF EXISTS nickname")

    def test_a_constraint_that_refuses_a_row(self, caplog: pytest.LogCaptureFixture) -> None:
        fill_source()
        before = AGENTS_SQL.rows(INDEXES)
        AGENTS_SQL.run("ALTER TABLE user_references ADD CONSTRAINT few CHECK (source_identifier <> 'user-77')")
        try:
            with caplog.at_level(logging.WARNING):
                subscribe_now()
            # A value of a row is nothing for a log.
            assert "user-77" not in caplog.text
            assert AGENTS_SQL.value("SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'") == 1
            assert f'{LEFT}: new row for relation "user_references" violates check constraint "few"' in caplog.text
            assert AGENTS_SQL.rows(INDEXES) == before
        finally:
            AGENTS_SQL.run("ALTER TABLE user_references DROP CONSTRAINT few")
        assert_replicated(100)

    def test_a_table_that_somebody_is_reading(self, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
        settings.NULLSTORE_SLOT_TIMEOUT = 0.2
        fill_source()
        with somebody_reads_the_replica():
            subscribe_now()
        assert f"{LEFT}: canceling statement due to lock timeout" in caplog.text
        assert_replicated(100)


def test_a_run_that_dies_half_way_leaves_nothing_and_the_next_one_fills() -> None:
    fill_source()
    before = AGENTS_SQL.rows(INDEXES)
    AGENTS_SQL.run(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; "
        "CREATE TRIGGER die AFTER INSERT ON user_references EXECUTE FUNCTION die()"
    )
    try:
        with pytest.raises(ReplicationError, match="Bringing agents to what erebus says: terminating connection"):
            subscribe_now()
    finally:
        connections["agents"].close()
        AGENTS_SQL.run("DROP TRIGGER die ON user_references; DROP FUNCTION die()")
    assert AGENTS_SQL.value("SELECT count(*) FROM pg_subscription WHERE subname = 'agents_user_sync'") == 0
    assert slots() == []
    assert AGENTS_SQL.rows(INDEXES) == before
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 0
    subscribe_now()
    assert_replicated(100)


def test_a_replica_that_was_emptied_is_filled_by_resync_and_keeps_the_tasks_users() -> None:
    fill_source()
    subscribe_now()
    user = EREBUS_SQL.value("SELECT id FROM user_references LIMIT 1")
    with resubscribed():
        task = AGENTS_SQL.insert("tasks", name="a task", user_id=user)
        with connect("agents") as session, session.transaction():
            session.execute("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)")
            session.execute("TRUNCATE user_references")
        resync(say=lambda _: None, anew=True)
        assert_replicated(100)
        assert AGENTS_SQL.value("SELECT user_id FROM tasks WHERE id = %s", [task]) == user
