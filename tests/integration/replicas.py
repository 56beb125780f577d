"""What tests of replication share: rows on both sides, and going back and forth over the migrations."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.db.migrations.state import ProjectState

from nullstore.databases import AGENTS, EREBUS
from nullstore.replication.connect import connect
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.operations import (
    CreatePublication,
    CreateReplicationRole,
    CreateSubscription,
    GuardReplica,
)
from tests.integration.baresql import BareSQL

EREBUS_SQL = BareSQL(EREBUS)
AGENTS_SQL = BareSQL(AGENTS)
TIMEOUT = 30.0

ROLE = CreateReplicationRole(tables=("user_references",))
PUBLICATION = CreatePublication("erebus_user_sync", tables=("user_references",))
SUBSCRIPTION = CreateSubscription(
    "agents_user_sync", publication="erebus_user_sync", publisher="erebus", options={"binary": True}
)
GUARD = GuardReplica(table="user_references", source="erebus.user_references")


def add_user(name: str, **columns: Any) -> Any:
    """Insert a user into erebus as psql does; return its id."""
    return EREBUS_SQL.insert("user_references", source_identifier=name, network="email", **columns)


def add_task(user_id: Any, **columns: Any) -> Any:
    return AGENTS_SQL.insert("tasks", **{"name": "a task", "user_id": user_id, **columns})


def copies() -> tuple[list[Any], list[Any]]:
    """All rows and columns of user_references as text, in erebus and in agents."""
    query = "SELECT to_jsonb(u)::text FROM user_references AS u ORDER BY id"
    return EREBUS_SQL.rows(query), AGENTS_SQL.rows(query)


def assert_replicated(rows: int) -> None:
    """Wait for replication; then both sides hold the same `rows` rows, to the last column."""
    wait_until_replicated(TIMEOUT)
    source, replica = copies()
    assert source == replica
    assert len(source) == rows


def migrate(app_label: str, name: str | None = None) -> None:
    call_command("migrate", app_label, *([name] if name else []), verbosity=0)


def unsubscribe() -> None:
    """Reverse the migration that subscribes. What came after it stays as it is, and is taken for not applied."""
    AGENTS_SQL.run("DELETE FROM django_migrations WHERE app = 'agents_app' AND name >= '0006'")
    migrate("agents_app", "0004")


def subscribe() -> None:
    """Apply the migration that subscribes, and those after it; what unsubscribe() has left of them is recorded."""
    migrate("agents_app", "0005")
    record_later_migrations("0008")
    migrate("agents_app")


def record_later_migrations(last: str | None = None) -> None:
    """Take them for applied, up to `last`: making the indexes of tasks and engrams again would take seconds."""
    if AGENTS_SQL.value("SELECT to_regclass('tasks_type') IS NOT NULL"):
        call_command("migrate", "agents_app", *filter(None, [last]), fake=True, verbosity=0)


@contextmanager
def resubscribed() -> Iterator[None]:
    """Have the subscription back at the end, whatever the block did to it."""
    try:
        yield
    finally:
        migrate("erebus_app")
        unsubscribe()
        subscribe()


def empty_the_replica() -> None:
    """Past the guard, as nobody should: for the state of a replica that was never filled."""
    with transaction.atomic(using="agents"):
        AGENTS_SQL.run("SET LOCAL session_replication_role = replica")
        AGENTS_SQL.run("DELETE FROM user_references")


@contextmanager
def somebody_reads_the_replica() -> Iterator[None]:
    """Keep it from being filled by us, after NULLSTORE_SLOT_TIMEOUT: then PostgreSQL's table sync copies the rows."""
    with connect(AGENTS) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM user_references")
        yield


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fail after TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not after {TIMEOUT} s"
        time.sleep(0.01)


def put_ahead_of_its_source() -> None:
    """Have the subscription, which is disabled, say that it has applied more than erebus has written."""
    oid = AGENTS_SQL.value("SELECT oid FROM pg_subscription")

    def advanced() -> bool:
        # A worker that ends is out of pg_stat_subscription before it lets go of its replication origin.
        try:
            AGENTS_SQL.run("SELECT pg_replication_origin_advance(%s, '7F/0')", [f"pg_{oid}"])
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.ObjectInUse):
                return False
            raise
        return True

    wait_for(advanced)


def slots() -> list[tuple[str, bool]]:
    """The replication slots of the test's database in erebus, and whether somebody reads them."""
    return EREBUS_SQL.rows(
        "SELECT slot_name, active FROM pg_replication_slots WHERE database = current_database() AND NOT temporary "
        "AND slot_name LIKE 'agents_user_sync%%' ORDER BY slot_name"
    )


def forwards(operation: Any, alias: str, *, atomic: bool = False) -> None:
    app_label = f"{alias}_app"
    with connections[alias].schema_editor(atomic=atomic) as editor:
        operation.database_forwards(app_label, editor, ProjectState(), ProjectState())


def backwards(operation: Any, alias: str) -> None:
    with connections[alias].schema_editor(atomic=False) as editor:
        operation.database_backwards(f"{alias}_app", editor, ProjectState(), ProjectState())


def sql_of(operation: Any, alias: str, *, backwards: bool = False) -> list[str]:
    """The statements that sqlmigrate shows."""
    with connections[alias].schema_editor(atomic=False, collect_sql=True) as editor:
        act = operation.database_backwards if backwards else operation.database_forwards
        act(f"{alias}_app", editor, ProjectState(), ProjectState())
        return list(editor.collected_sql)
