"""Every table of the agents database: columns, constraints, ON DELETE, and that models and database agree."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models.constraints import BaseConstraint

from agents_app.models import UserReference
from nullstore.constraints import DatabaseForeignKey
from nullstore.replica import ReplicaQuerySet
from tests.integration.agents_columns import COLUMNS, NOW, REQUIRED
from tests.integration.baresql import BareSQL

pytestmark = pytest.mark.django_db(databases=["agents"])

agents = BareSQL("agents")
MODELS = {model._meta.db_table: model for model in apps.get_app_config("agents_app").get_models()}
CONSTRAINTS = [(model, constraint) for model in MODELS.values() for constraint in model._meta.constraints]
FOREIGN_KEYS = [
    field
    for model in MODELS.values()
    for field in model._meta.get_fields()
    if isinstance(field, models.ForeignKey) and field.related_model is not UserReference
]
NOBODY = str(uuid.UUID(int=9))


@contextmanager
def writable(table: str) -> Iterator[None]:
    """Make room for a row of `table`: past the replica's guard, and with the task that a transition needs."""
    if table == "task_transitions":
        agents.run("INSERT INTO tasks (id, name) VALUES (%s, 'look')", [REQUIRED[table]["task_id"]])
    if table == "user_references":
        agents.run("SET LOCAL session_replication_role = replica")
    yield
    agents.run("SET LOCAL session_replication_role = origin")


def insert_required(table: str, **changes: Any) -> Any:
    with writable(table):
        return agents.insert(table, **{**REQUIRED[table], **changes})


def test_every_table_is_described_here() -> None:
    assert MODELS.keys() == COLUMNS.keys() == REQUIRED.keys()


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_have_the_type_and_default_that_readers_are_promised(table: str) -> None:
    stored = agents.rows(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull, atthasdef OR attidentity <> '' "
        "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [f"public.{table}"],
    )
    assert sorted(stored) == sorted(
        (name, type_, default == (None,), bool(default) and default != (None,))
        for name, (type_, *rest) in COLUMNS[table].items()
        for default in [tuple(rest)]
    )


@pytest.mark.parametrize("table", COLUMNS)
def test_the_required_columns_make_a_complete_row(table: str) -> None:
    expected = {name: default[0] for name, (_, *default) in COLUMNS[table].items() if default} | REQUIRED[table]
    if table == "engrams":
        expected["lineage_root_id"] = uuid.UUID
    if table == "user_references":
        expected |= {"created_at": datetime.fromisoformat, "updated_at": datetime.fromisoformat}
    row = agents.record(table, insert_required(table))
    now = agents.now()
    for column, value in expected.items():
        if callable(value):
            value(row.pop(column))
        else:
            assert row.pop(column) == (now if value is NOW else value), column
    assert row == {}


@pytest.mark.parametrize("table", [table for table in COLUMNS if table != "user_references"])
def test_the_required_columns_make_a_row_that_the_model_calls_valid(table: str) -> None:
    MODELS[table]._default_manager.get(pk=insert_required(table)).full_clean()


@pytest.mark.parametrize(("table", "column"), [(table, column) for table in REQUIRED for column in REQUIRED[table]])
def test_a_required_column_cannot_be_left_out(table: str, column: str) -> None:
    others = {**REQUIRED[table], "id": 1 if COLUMNS[table]["id"][0] == "bigint" else NOBODY}
    del others[column]
    with writable(table):
        said = agents.refusal(*agents.insertion(table, others))
    assert (said.sqlstate, said.table_name, said.column_name) == ("23502", table, column)


@pytest.mark.parametrize(
    ("table", "changes", "sqlstate", "constraint"),
    [
        ("agents", {}, "23505", "agents_name_type_unique"),
        ("tasks", {"status": "done"}, "23514", "tasks_status_known"),
        ("tasks", {"progress": -1}, "23514", "tasks_progress_range"),
        ("tasks", {"progress": 101}, "23514", "tasks_progress_range"),
        ("tasks", {"assigned_agent_id": NOBODY}, "23503", "tasks_assigned_agent_fkey"),
        ("task_transitions", {"task_id": NOBODY}, "23503", "task_transitions_task_fkey"),
        ("engrams", {}, "23505", "engrams_wallet_key_unique"),
        ("engrams", {"key": "k", "engram_type": "dream"}, "23514", "engrams_type_known"),
        ("engrams", {"key": "k", "version": 0}, "23514", "engrams_version_positive"),
        ("engrams", {"key": "k", "price_mon": "-0.00000001"}, "23514", "engrams_price_not_negative"),
        ("engrams", {"key": "k", "price_mon": "NaN"}, "23514", "engrams_price_not_negative"),
        ("engrams", {"key": "k", "royalty_percent": -1}, "23514", "engrams_royalty_range"),
        ("engrams", {"key": "k", "royalty_percent": 101}, "23514", "engrams_royalty_range"),
        ("engrams", {"key": "k", "ttl_seconds": 0}, "23514", "engrams_ttl_positive"),
        ("engrams", {"key": "k", "parent_id": NOBODY}, "23503", "engrams_parent_fkey"),
    ],
)
def test_a_broken_constraint_is_named(table: str, changes: dict[str, Any], sqlstate: str, constraint: str) -> None:
    insert_required(table)
    said = agents.refusal(*agents.insertion(table, {**REQUIRED[table], **changes}))
    assert (said.sqlstate, said.constraint_name, said.table_name) == (sqlstate, constraint, table)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("tasks", "progress", [0, 100]),
        ("engrams", "engram_type", ["persona", "preference", "strategy", "knowledge", "compliance"]),
        ("engrams", "price_mon", ["0.00000000", "9999999999.99999999"]),
        ("engrams", "royalty_percent", [0, 100]),
        ("engrams", "ttl_seconds", [1]),
    ],
)
def test_the_limits_themselves_are_allowed(table: str, column: str, values: list[Any]) -> None:
    key = insert_required(table)
    for value in values:
        agents.run(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, key])
        assert agents.value(f"SELECT {column}::text FROM {table} WHERE id = %s", [key]) == str(value)


@pytest.mark.parametrize(("model", "constraint"), CONSTRAINTS, ids=[c.name for _, c in CONSTRAINTS])
def test_a_constraint_is_named_after_its_table_and_explains_itself(
    model: type[models.Model], constraint: BaseConstraint
) -> None:
    assert constraint.name.startswith(f"{model._meta.db_table}_")
    assert constraint.name == constraint.name.lower()
    assert constraint.violation_error_message != BaseConstraint.default_violation_error_message


@pytest.mark.parametrize("field", FOREIGN_KEYS, ids=str)
def test_a_foreign_key_has_its_on_delete_in_the_database(field: models.ForeignKey) -> None:
    assert not field.db_constraint
    (constraint,) = [
        constraint
        for constraint in field.model._meta.constraints
        if isinstance(constraint, DatabaseForeignKey) and constraint.field == field.name
    ]
    in_python = {models.CASCADE: "CASCADE", models.SET_NULL: "SET NULL"}
    assert constraint.on_delete == in_python[field.remote_field.on_delete]


def test_a_deleted_agent_leaves_its_tasks() -> None:
    agent = insert_required("agents")
    task = insert_required("tasks", assigned_agent_id=agent)
    agents.run("DELETE FROM agents WHERE id = %s", [agent])
    assert agents.record("tasks", task)["assigned_agent_id"] is None


def test_a_deleted_task_takes_its_transitions_along() -> None:
    task = insert_required("tasks")
    assert agents.rows("SELECT to_status FROM task_transitions WHERE task_id = %s", [task]) == [("submitted",)]
    agents.run("DELETE FROM tasks WHERE id = %s", [task])
    assert agents.rows("SELECT 1 FROM task_transitions WHERE task_id = %s", [task]) == []


def test_a_task_may_name_a_user_who_has_not_arrived() -> None:
    assert agents.record("tasks", insert_required("tasks", user_id=NOBODY))["user_id"] == NOBODY


@pytest.mark.parametrize(
    ("table", "column"), [("agents", "description"), ("tasks", "description"), ("engrams", "created_by")]
)
@pytest.mark.parametrize("also", ["", ", updated_at = '2001-01-01'"])
def test_updated_at_moves_whatever_the_writer_sends(table: str, column: str, also: str) -> None:
    key = insert_required(table, created_at="2000-01-01Z", updated_at="2000-01-01Z")
    agents.run(f"UPDATE {table} SET {column} = 'x'{also} WHERE id = %s", [key])
    row = agents.record(table, key)
    assert row["updated_at"] == agents.now()
    assert datetime.fromisoformat(row["created_at"]).year == 2000


@pytest.mark.parametrize("table", ["agents", "tasks", "engrams"])
def test_an_update_in_the_transaction_of_the_insert_does_not_move_updated_at_back(table: str) -> None:
    key = insert_required(table)
    agents.run(f"UPDATE {table} SET created_at = created_at WHERE id = %s", [key])
    assert agents.value(f"SELECT updated_at >= created_at FROM {table} WHERE id = %s", [key])


def test_the_replica_has_nothing_that_could_stop_replication() -> None:
    checks = agents.rows(
        "SELECT conname FROM pg_constraint "
        "WHERE conrelid = 'public.user_references'::regclass AND contype NOT IN ('p', 'n')"
    )
    unique = agents.rows(
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indrelid = 'public.user_references'::regclass AND indisunique AND NOT indisprimary"
    )
    to_it = agents.rows("SELECT conname FROM pg_constraint WHERE confrelid = 'public.user_references'::regclass")
    assert (checks, unique, to_it) == ([], [], [])


def test_the_replica_is_read_through_the_manager_that_refuses_writes() -> None:
    insert_required("user_references")
    assert isinstance(UserReference.objects.all(), ReplicaQuerySet)
    assert isinstance(UserReference._default_manager.all(), ReplicaQuerySet)
    assert str(UserReference.objects.get(network="ethereum")) == "0xabc (ethereum)"
