"""Changes of the replicated table made by `migrate` while others write: apply never stops, the copies are equal."""

from typing import Any

import pytest
from django.core.management import CommandError
from django.db import models
from django.db.migrations import AddField, AlterField, RemoveField
from django.db.migrations.operations.base import Operation

from nullstore.migrating.types import fits
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_user, wait_for
from tests.integration.schema_changes.changing import (
    APPS,
    Changes,
    apply_errors,
    assert_equal_copies,
    columns,
    migrate,
    recorded,
    state,
)
from tests.integration.schema_changes.writer import writing

pytestmark = pytest.mark.slow

MODEL = "userreference"
REPLICA_FIRST = ["agents", "erebus"]
SOURCE_FIRST = ["erebus", "agents"]


def text(length: int | None = None, **options: Any) -> models.Field:
    return models.CharField(max_length=length, **options) if length else models.TextField(**options)


def add(field: models.Field, name: str = "extra") -> Operation:
    return AddField(MODEL, name, field)


def alter(field: models.Field) -> Operation:
    return AlterField(MODEL, "extra", field)


REMOVE = RemoveField(MODEL, "extra")
NULLABLE = text(20, null=True)
DEFAULTED = text(20, db_default="none")

#: What is there before, the change, and the order in which apply never stops.
CHANGES: dict[str, tuple[models.Field | None, Operation, list[str]]] = {
    "add, NULL": (None, add(NULLABLE), REPLICA_FIRST),
    "add, NULL by default": (None, add(text(20, null=True, default=None)), REPLICA_FIRST),
    "add, NOT NULL with a default": (None, add(DEFAULTED), REPLICA_FIRST),
    "add, both defaults": (None, add(text(20, default="none", db_default="none", null=True)), REPLICA_FIRST),
    "remove, NULL": (NULLABLE, REMOVE, SOURCE_FIRST),
    "remove, NOT NULL with a default": (DEFAULTED, REMOVE, SOURCE_FIRST),
    "widen varchar": (NULLABLE, alter(text(40, null=True)), REPLICA_FIRST),
    "varchar to text": (NULLABLE, alter(text(null=True)), REPLICA_FIRST),
    "widen integer": (models.IntegerField(null=True), alter(models.BigIntegerField(null=True)), REPLICA_FIRST),
    "integer to numeric": (
        models.IntegerField(null=True),
        alter(models.DecimalField(max_digits=14, decimal_places=2, null=True)),
        REPLICA_FIRST,
    ),
    "narrow varchar": (text(40, null=True), alter(NULLABLE), SOURCE_FIRST),
    "narrow integer": (models.BigIntegerField(null=True), alter(models.IntegerField(null=True)), SOURCE_FIRST),
    "text to integer": (text(null=True), alter(models.IntegerField(null=True)), SOURCE_FIRST),
    "NOT NULL, default in the database": (NULLABLE, alter(DEFAULTED), SOURCE_FIRST),
    "NOT NULL, default in Python": (NULLABLE, alter(text(20, default="none")), SOURCE_FIRST),
    "allow NULL": (DEFAULTED, alter(NULLABLE), REPLICA_FIRST),
}
each_change = pytest.mark.parametrize("what", CHANGES)


@pytest.fixture
def made(changes: Changes, what: str) -> tuple[dict[str, str], list[str]]:
    """The migrations of the change, written and not applied, by alias; and their right order."""
    before, change, order = CHANGES[what]
    if before is not None:
        changes.had(before)
    return changes.both(change), order


def planned(printed: str) -> list[str]:
    """The aliases of the plan that was printed, in order."""
    return [line.split()[1].rstrip(":") for line in printed.splitlines() if line[:1].isdigit()]


@each_change
def test_while_others_write(made: tuple[dict[str, str], list[str]]) -> None:
    names, (first, second) = made
    before, errors = state(), apply_errors()
    with pytest.raises(CommandError, match=rf"Run first: manage.py migrate {APPS[first]} {names[first]}"):
        migrate("--database", second)
    assert state() == before
    assert planned(migrate(plan=True)) == [first, second]
    with writing():
        printed = migrate()
    assert [line.split("(")[1].split(")")[0] for line in printed.splitlines() if "Applying" in line] == [first, second]
    assert_equal_copies(more_than=20)
    assert columns("erebus") == columns("agents") != before[0][0]
    assert apply_errors() == errors


@pytest.mark.parametrize("what", ["add, NULL", "narrow varchar"])
def test_the_command_that_a_refusal_names_mends_it(made: tuple[dict[str, str], list[str]]) -> None:
    names, (first, second) = made
    for arguments in ([APPS[second]], [APPS[second], names[second]]):
        with pytest.raises(CommandError, match=r"Not applied(.|\n)*Run first: ") as caught:
            migrate(*arguments)
    command = str(caught.value).split("manage.py ")[1].split(",")[0]
    migrate(*command.split()[1:])
    assert names[first] in recorded(first)
    migrate("--database", second)
    assert columns("erebus") == columns("agents")


def test_a_generated_column_is_not_sent_and_what_comes_after_it_is(changes: Changes) -> None:
    """Each side computes its own. Beside it the publication still sends every other column."""
    generated = models.GeneratedField(expression=models.F("network"), output_field=text(50), db_persist=True)
    changes.both(add(generated))
    migrate("--database=erebus")
    migrate("--database=agents")
    changes.both(add(NULLABLE, "other"))
    with pytest.raises(CommandError, match=r"user_references\.other: erebus would send it"):
        migrate("--database=erebus")
    migrate(verbosity=0)
    add_user("user", other="value")
    assert_equal_copies(more_than=0)
    assert AGENTS_SQL.rows("SELECT extra, other FROM user_references") == [("email", "value")]


def test_without_the_rule_apply_stops_and_the_right_order_lets_it_go_on(changes: Changes) -> None:
    """What the refusal is for, and that what was done past it is mended by the plan, without loss."""
    names = changes.both(add(NULLABLE))
    errors = apply_errors()
    migrate("erebus_app", fake=True, verbosity=0)
    EREBUS_SQL.run("ALTER TABLE user_references ADD COLUMN extra varchar(20)")
    add_user("lost?", extra="here")
    wait_for(lambda: apply_errors() > errors)
    migrate()
    assert names["agents"] in recorded("agents")
    assert_equal_copies(more_than=0)
    assert AGENTS_SQL.value("SELECT extra FROM user_references") == "here"


@pytest.mark.parametrize(
    ("source", "replica", "values"),
    [
        ("character varying(3)", "character varying(5)", ["", "abc", " a "]),
        ("character varying(3)", "text", ["", "abc"]),
        ("smallint", "integer", ["-32768"]),
        ("integer", "bigint", ["-2147483648"]),
        ("integer", "numeric(12,2)", ["-2147483648", "7"]),
        ("bigint", "numeric", ["-9223372036854775808"]),
        ("bigint", "character varying(20)", ["-9223372036854775808"]),
        ("numeric(10,2)", "numeric(12,4)", ["-99999999.99", "1.50"]),
        ("numeric(10,2)", "numeric", ["1.50"]),
        ("numeric(10,2)", "text", ["1.50"]),
        ("uuid", "character varying(36)", ["ffffffff-ffff-ffff-ffff-ffffffffffff"]),
        ("real", "double precision", ["0.1"]),
        ("boolean", "text", ["true"]),
        ("character(4)", "text", ["a"]),
    ],
)
def test_what_is_said_to_fit_arrives_as_the_source_itself_would_turn_it(
    changes: Changes, source: str, replica: str, values: list[str]
) -> None:
    """format() uses the type's output function, as replication does; a cast is what ALTER ... TYPE does."""
    same = [
        AGENTS_SQL.value(
            f"SELECT format('%%s', v::{source})::{replica}::text = v::{source}::{replica}::text "
            "FROM (SELECT %s::text AS v) AS t",
            [value],
        )
        for value in values
    ]
    assert all(same) is fits(source, replica)
