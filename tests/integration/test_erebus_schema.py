"""Every table of erebus: its columns, and that an INSERT of the required ones makes a complete, valid row."""

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from nullstore.constraints import DatabaseForeignKey
from tests.integration.erebus_columns import COLUMNS, FILLED, NOW
from tests.integration.erebus_rows import REQUIRED, execute, get, insert, refusal

pytestmark = pytest.mark.django_db(databases=["erebus"])

MODELS = {model._meta.db_table: model for model in apps.get_app_config("erebus_app").get_models()}
ON_DELETE = {models.CASCADE: "CASCADE", models.SET_NULL: "SET NULL", models.PROTECT: "RESTRICT"}
FOREIGN_KEYS = [
    pytest.param(model, field, id=f"{model._meta.db_table}.{field.column}")
    for model in MODELS.values()
    for field in model._meta.local_fields
    if isinstance(field, models.ForeignKey)
]
REQUIRED_COLUMNS = [
    pytest.param(table, column, id=f"{table}.{column}")
    for table, columns in COLUMNS.items()
    for column, (_, *default) in columns.items()
    if not default
]


def stored_columns(table: str) -> list[dict[str, Any]]:
    """Return name, type, nullable and has_default of the table's columns, in their order."""
    return execute(
        """
        SELECT attname AS name, NOT attnotnull AS nullable, atthasdef OR attidentity <> '' AS has_default,
               replace(replace(replace(format_type(atttypid, atttypmod), 'character varying', 'varchar'),
                   'character(', 'char('), 'timestamp with time zone', 'timestamptz') AS type
        FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        table,
    )


def shown(value: Any, expected: Any, now: datetime) -> Any:
    """Return `expected` itself if it is a description that `value` fits, else `value`."""
    if expected is NOW:
        fits = value == now
    elif expected is FILLED:
        fits = value is not None
    else:
        fits = isinstance(expected, type) and isinstance(value, expected)
    return expected if fits else value


def transaction_time() -> datetime:
    return execute("SELECT now()")[0]["now"]


def test_every_table_is_described_here() -> None:
    assert set(MODELS) == set(COLUMNS) == set(REQUIRED)


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_types_and_null_are_as_described(table: str) -> None:
    described = [(name, kind, default == [None]) for name, (kind, *default) in COLUMNS[table].items()]

    assert [(column["name"], column["type"], column["nullable"]) for column in stored_columns(table)] == described


@pytest.mark.parametrize("table", COLUMNS)
def test_a_writer_must_name_no_other_columns_than_described(table: str) -> None:
    needed = {c["name"] for c in stored_columns(table) if not c["nullable"] and not c["has_default"]}

    assert needed == set(REQUIRED[table]) == {name for name, (_, *default) in COLUMNS[table].items() if not default}


@pytest.mark.parametrize("table", COLUMNS)
def test_an_insert_of_the_required_columns_makes_a_complete_and_valid_row(table: str) -> None:
    now = transaction_time()
    row = insert(table)

    defaults = {name: default[0] for name, (_, *default) in COLUMNS[table].items() if default}
    assert {name: shown(row[name], default, now) for name, default in defaults.items()} == defaults
    MODELS[table]._default_manager.get(pk=row["id"]).full_clean()


@pytest.mark.parametrize(("table", "column"), REQUIRED_COLUMNS)
def test_a_required_column_cannot_be_null(table: str, column: str) -> None:
    said = refusal(insert, table, **{column: None})

    assert (said.sqlstate, said.table_name, said.column_name) == ("23502", table, column)


@pytest.mark.parametrize(("model", "field"), FOREIGN_KEYS)
def test_a_foreign_key_has_its_on_delete_in_the_database(model: type[models.Model], field: models.ForeignKey) -> None:
    declared = [
        constraint.on_delete
        for constraint in model._meta.constraints
        if isinstance(constraint, DatabaseForeignKey) and constraint.field == field.name
    ]

    assert not field.db_constraint
    assert declared == [ON_DELETE[field.remote_field.on_delete]]


@pytest.mark.parametrize("table", COLUMNS)
def test_a_row_made_with_django_is_the_same_as_one_made_with_sql(table: str) -> None:
    """What Django sends for fields that nobody set is what the database would have put there."""
    now = transaction_time()
    given = {column: make() for column, make in REQUIRED[table].items()}
    instance = MODELS[table](**given)
    instance.save()

    row = get(table, instance.pk)
    defaults = {name: default[0] for name, (_, *default) in COLUMNS[table].items() if default}
    assert {name: shown(row[name], default, now) for name, default in defaults.items()} == defaults
