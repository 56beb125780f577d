"""AddIndexOnline and RemoveIndexOnline: made, made again, in a writer's way, broken off, reversed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import NotSupportedError, OperationalError, connections, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from nullstore.databases import AGENTS, EREBUS
from nullstore.indexes import AddIndexOnline, RemoveIndexOnline
from nullstore.replication.connect import connect
from tests.integration.baresql import BareSQL

pytestmark = pytest.mark.usefixtures("committed_pair")

SQL = BareSQL(AGENTS)
INDEX = models.Index(fields=["description", "id"], name="agents_described")
STATE = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('agents_described')"
IDENTITY = "SELECT to_regclass('agents_described')::oid"
ADD = AddIndexOnline("agent", INDEX)
REMOVE = RemoveIndexOnline("agent", "agents_described")


@pytest.fixture(scope="module")
def before(django_db_setup: None) -> ProjectState:
    """The models as the migrations on disk leave them."""
    return MigrationLoader(None).project_state()


@pytest.fixture(autouse=True)
def no_index_is_left(committed_pair: None) -> Iterator[None]:
    yield
    SQL.run("DROP INDEX IF EXISTS agents_described")


def run(operation: Any, before: ProjectState, *, backwards: bool = False, alias: str = AGENTS, **editor: Any) -> Any:
    """Run the operation as `migrate` does; return the statements that sqlmigrate would show."""
    after = before.clone()
    operation.state_forwards("agents_app", after)
    with connections[alias].schema_editor(**{"atomic": False, **editor}) as schema_editor:
        if backwards:
            operation.database_backwards("agents_app", schema_editor, after, before)
        else:
            operation.database_forwards("agents_app", schema_editor, before, after)
        return schema_editor.collected_sql if schema_editor.collect_sql else []


def with_index(before: ProjectState) -> ProjectState:
    after = before.clone()
    ADD.state_forwards("agents_app", after)
    return after


def forwards(before: ProjectState) -> None:
    run(ADD, before)


def reversal(before: ProjectState) -> None:
    run(REMOVE, with_index(before), backwards=True)


MAKERS = pytest.mark.parametrize("make", [forwards, reversal])


def add_agent() -> None:
    SQL.insert("agents", name="an agent", agent_type="test")


@MAKERS
def test_it_is_made_and_a_second_run_leaves_it_as_it_is(
    make: Callable[[ProjectState], None], before: ProjectState
) -> None:
    add_agent()
    make(before)
    made = SQL.rows(IDENTITY)
    make(before)
    assert SQL.value(STATE) is True
    assert SQL.rows(IDENTITY) == made


@MAKERS
def test_writers_go_on_meanwhile_and_what_a_broken_run_has_left_is_made_anew(
    make: Callable[[ProjectState], None], before: ProjectState
) -> None:
    add_agent()
    with connect(AGENTS) as writer, connect(AGENTS) as another:
        writer.execute("BEGIN")
        writer.execute("UPDATE agents SET description = 'open'")
        SQL.run("SET lock_timeout = '300ms'")
        try:
            with pytest.raises(OperationalError, match="lock timeout"):
                make(before)
        finally:
            SQL.run("RESET lock_timeout")
        another.execute("INSERT INTO agents (name, agent_type) VALUES ('another agent', 'test')")
    assert SQL.value(STATE) is False
    broken = SQL.rows(IDENTITY)
    make(before)
    assert SQL.value(STATE) is True
    assert SQL.rows(IDENTITY) != broken


def test_an_empty_table_does_not_wait_for_what_is_open_elsewhere(before: ProjectState) -> None:
    """The initial copy of a subscription is such a transaction, and it may last for hours."""
    with connect(AGENTS) as elsewhere:
        elsewhere.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        elsewhere.execute("SELECT count(*) FROM tasks")
        SQL.run("SET lock_timeout = '5s'")
        try:
            run(ADD, before)
        finally:
            SQL.run("RESET lock_timeout")
    assert SQL.value(STATE) is True


def test_removing_is_reversed_by_making_it_and_making_by_removing(before: ProjectState) -> None:
    add_agent()
    run(ADD, before)
    run(REMOVE, with_index(before))
    assert SQL.rows(STATE) == []
    run(REMOVE, with_index(before), backwards=True)
    assert SQL.value(STATE) is True
    run(ADD, before, backwards=True)
    assert SQL.rows(STATE) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_a_database_that_is_not_the_models_home_gets_nothing(before: ProjectState, backwards: bool) -> None:
    with connections[EREBUS].execute_wrapper(refuse):
        run(ADD, before, alias=EREBUS, backwards=backwards)
        run(REMOVE, with_index(before), alias=EREBUS, backwards=backwards)


def refuse(execute: Any, sql: str, *args: Any) -> Any:
    raise AssertionError(f"sent to another database: {sql}")


def test_sqlmigrate_shows_the_statement_and_asks_nothing(before: ProjectState) -> None:
    with connections[AGENTS].execute_wrapper(refuse):
        (statement,) = run(ADD, before, collect_sql=True)
    assert statement == 'CREATE INDEX CONCURRENTLY "agents_described" ON "agents" ("description", "id");'


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("operation", [ADD, REMOVE])
def test_a_migration_that_is_atomic_is_refused(before: ProjectState, operation: Any, backwards: bool) -> None:
    with pytest.raises(NotSupportedError, match="atomic = False"):
        run(operation, with_index(before), backwards=backwards, atomic=True)
