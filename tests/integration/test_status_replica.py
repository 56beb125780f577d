"""Problems of the replica as a table: each made for real, and mended by what status says."""

import uuid

import pytest
from pytest_django import Settings

from nullstore.databases import AGENTS
from nullstore.replication.connect import connect
from tests.integration.looks import assert_ok, codes, do, look, only_problem, problem_among
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_task, add_user, wait_for, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")


def on_agents(statement: str) -> None:
    with connect(AGENTS) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("code", "statement", "seen"),
    [
        (
            "columns_differ",
            "ALTER TABLE user_references ALTER COLUMN network TYPE varchar(40)",
            "user_references.network is character varying(40) in the replica and character varying(50) in the source",
        ),
        (
            "columns_differ",
            "ALTER TABLE user_references ALTER COLUMN email SET NOT NULL",
            "user_references.email is NOT NULL in the replica only",
        ),
        (
            "replica_constraint",
            "ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> 'refused')",
            "The replica user_references has by_hand: CHECK",
        ),
        (
            "replica_constraint",
            "CREATE UNIQUE INDEX by_hand ON user_references (email)",
            "The replica user_references has by_hand: CREATE UNIQUE INDEX",
        ),
        (
            "columns_differ",
            "ALTER TABLE user_references DROP COLUMN email, ADD COLUMN email varchar(255) "
            "GENERATED ALWAYS AS ('x') STORED",
            "user_references.email is GENERATED in the replica",
        ),
        (
            "replica_key",
            "ALTER TABLE user_references DROP CONSTRAINT user_references_pkey",
            "The replica user_references has no primary key",
        ),
        (
            "replica_key",
            "ALTER TABLE user_references DROP CONSTRAINT user_references_pkey, ADD PRIMARY KEY (id, network)",
            "The replica user_references has the primary key (id, network)",
        ),
        (
            "replica_missing",
            "CREATE SCHEMA IF NOT EXISTS other; ALTER TABLE user_references SET SCHEMA other",
            "agents has no table public.user_references, but other.user_references",
        ),
        (
            "trigger_foreign",
            "CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
            "CREATE TRIGGER swallow BEFORE INSERT ON user_references FOR EACH ROW EXECUTE FUNCTION swallow(); "
            "ALTER TABLE user_references ENABLE REPLICA TRIGGER swallow",
            "has the trigger swallow, BEFORE INSERT FOR EACH ROW",
        ),
        (
            "guard_differs",
            "CREATE OR REPLACE TRIGGER user_references_guard BEFORE INSERT ON user_references "
            "EXECUTE FUNCTION user_references_guard()",
            "fires BEFORE INSERT FOR EACH STATEMENT, not as declared",
        ),
        (
            "guard_differs",
            "CREATE OR REPLACE TRIGGER user_references_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
            "ON user_references WHEN (false) EXECUTE FUNCTION user_references_guard()",
            "WHEN (false)",
        ),
        (
            "trigger_differs",
            "CREATE OR REPLACE TRIGGER user_references_deleted AFTER DELETE ON user_references FOR EACH ROW "
            "WHEN (OLD.network = 'x') EXECUTE FUNCTION user_references_deleted(); "
            "ALTER TABLE user_references ENABLE ALWAYS TRIGGER user_references_deleted",
            "user_references_deleted",
        ),
        ("guard_missing", "DROP TRIGGER user_references_guard ON user_references", "user_references_guard on agents"),
        (
            "guard_disabled",
            "ALTER TABLE user_references DISABLE TRIGGER user_references_guard",
            "fires never (tgenabled D)",
        ),
        (
            "guard_differs",
            "CREATE OR REPLACE FUNCTION user_references_guard() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            "runs another function than declared",
        ),
        ("trigger_missing", "DROP TRIGGER user_references_deleted ON user_references", "user_references_deleted"),
        (
            "trigger_missing",
            "ALTER TABLE user_references ENABLE TRIGGER user_references_renumbered",
            "user_references_renumbered on agents.user_references fires not for replicated rows (tgenabled O)",
        ),
        (
            "trigger_differs",
            "CREATE OR REPLACE FUNCTION user_references_deleted() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            "user_references_deleted",
        ),
    ],
)
def test_a_replica_that_was_altered_is_named_and_mended(code: str, statement: str, seen: str) -> None:
    on_agents(statement)
    problem = only_problem(code)
    assert seen in problem.seen
    do(problem)
    assert_ok()


def test_a_column_that_is_missing_stops_apply_and_its_return_loses_nothing() -> None:
    add_user("old", preferences={"a": 2})
    wait_until_replicated(30)
    on_agents("ALTER TABLE user_references DROP COLUMN preferences")
    try:
        add_user("new", preferences={"a": 1})
        wait_for(lambda: AGENTS_SQL.value("SELECT apply_error_count FROM pg_stat_subscription_stats") > 0)
        problem = only_problem("columns_differ")
        assert problem.seen == "The replica user_references has no column preferences"
        assert problem.fix.startswith('agents: ALTER TABLE public.user_references ADD COLUMN "preferences" jsonb; then')
        do(problem)
        assert_ok()
        assert AGENTS_SQL.rows("SELECT preferences ->> 'a' FROM user_references ORDER BY 1") == [("1",), ("2",)]
    finally:
        on_agents(
            "ALTER TABLE user_references ADD COLUMN IF NOT EXISTS preferences jsonb; "
            "ALTER TABLE user_references ALTER COLUMN preferences SET DEFAULT '{}', "
            "ALTER COLUMN preferences SET NOT NULL"
        )


def test_a_column_of_the_replica_that_wants_a_value() -> None:
    on_agents("ALTER TABLE user_references ADD COLUMN by_hand int NOT NULL")
    try:
        problem = only_problem("columns_differ")
        assert problem.seen == "user_references.by_hand of the replica wants a value, and the source sends none"
        do(problem)
        assert_ok()
    finally:
        on_agents("ALTER TABLE user_references DROP COLUMN by_hand")


def test_a_check_that_stops_apply_is_the_cause_that_is_named() -> None:
    on_agents("ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> 'refused')")
    EREBUS_SQL.insert("user_references", source_identifier="refused", network="refused")
    problem = problem_among("apply_errors")
    assert problem.fix == "agents: ALTER TABLE user_references DROP CONSTRAINT by_hand"
    do(problem)
    assert_ok()


def test_tasks_of_users_whom_nobody_has_are_counted_and_mended() -> None:
    """A user who is on his way is none of them, and a task of this moment may know of one before anybody else."""
    nobody, late, known = uuid.uuid4(), uuid.uuid4(), add_user("known")
    wait_until_replicated(30)
    tasks = [add_task(user, updated_at="2020-01-01T00:00:00Z") for user in (nobody, nobody, late, known)]
    fresh = add_task(uuid.uuid4())
    with connect(AGENTS) as session:
        session.execute("BEGIN; LOCK TABLE user_references IN SHARE MODE")
        add_user("late", id=late)
        problem = problem_among("orphaned_tasks")
        assert "2 tasks name 1 users" in problem.seen
        assert str(nobody) in problem.seen
        session.execute("ROLLBACK")
    do(problem)
    assert_ok()
    named = AGENTS_SQL.rows("SELECT id, user_id FROM tasks WHERE user_id IS NOT NULL")
    assert {task for task, _ in named} == {tasks[2], tasks[3], fresh}


def test_more_orphans_than_a_statement_should_list_are_mended_all() -> None:
    AGENTS_SQL.run(
        "INSERT INTO tasks (name, user_id, updated_at) "
        "SELECT 'a task', gen_random_uuid(), '2020-01-01' FROM generate_series(1, 25)"
    )
    found = look()
    assert (found.verdict, codes(found)) == ("lagging", ["orphaned_tasks"])
    do(found.problems[0])
    assert_ok()
    assert AGENTS_SQL.value("SELECT count(user_id) FROM tasks") == 0


def test_who_blocks_apply_is_named_and_ended(settings: Settings) -> None:
    user = add_user("user")
    task = add_task(user)
    wait_until_replicated(30)
    with connect(AGENTS, application_name="a forgotten one") as session:
        session.execute("BEGIN")
        session.execute("UPDATE tasks SET max_retries = 9 WHERE id = %s", [task])
        EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [user])
        wait_for(lambda: bool(AGENTS_SQL.rows("SELECT FROM pg_locks WHERE NOT granted")))
        settings.NULLSTORE_LAG_THRESHOLD = 0.1
        problem = only_problem("apply_blocked")
        pid = session.info.backend_pid
        assert f"pid {pid} (user postgres, application a forgotten one, from 127.0.0.1, idle in trans" in problem.seen
        assert "whose transaction began at 20" in problem.seen
        assert problem.fix == f"agents: SELECT pg_terminate_backend({pid})"
        do(problem)
        settings.NULLSTORE_LAG_THRESHOLD = 10.0
        assert_ok()
        session.close()
    assert AGENTS_SQL.value("SELECT user_id FROM tasks WHERE id = %s", [task]) is None


def test_of_a_queue_the_one_at_its_head_is_named() -> None:
    """The session that apply waits for waits itself: ending that one would mend nothing."""
    user = add_user("user")
    task = add_task(user)
    wait_until_replicated(30)
    with connect(AGENTS) as head, connect(AGENTS) as second:
        head.execute("BEGIN")
        head.execute("SELECT FROM tasks WHERE id = %s FOR UPDATE", [task])
        second.execute("SET lock_timeout = '30s'")
        second.pgconn.send_query(f"BEGIN; UPDATE tasks SET max_retries = 9 WHERE id = '{task}'".encode())
        wait_for(lambda: AGENTS_SQL.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1)
        EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [user])
        wait_for(lambda: AGENTS_SQL.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 2)
        problem = only_problem("apply_blocked")
        assert problem.fix == f"agents: SELECT pg_terminate_backend({head.info.backend_pid})"
        AGENTS_SQL.run("SELECT pg_terminate_backend(%s)", [second.info.backend_pid])
        head.execute("ROLLBACK")
        second.close()
    assert_ok()
