"""Changes of the replicated table that no order makes safe: refused before anything is touched, with what to do."""

import re
import uuid

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.core.management import CommandError
from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AlterField,
    AlterModelTable,
    RemoveField,
    RenameField,
    RenameModel,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Now

from tests.integration.replicas import EREBUS_SQL, add_user
from tests.integration.schema_changes.changing import Changes, assert_equal_copies, columns, migrate, state

MODEL = "userreference"
NULLABLE = models.CharField(max_length=20, null=True)
REQUIRED = models.CharField(max_length=20)


def add(field: models.Field) -> Operation:
    return AddField(MODEL, "extra", field)


def alter(field: models.Field) -> Operation:
    return AlterField(MODEL, "extra", field)


#: What is there before, the change, and what the refusal says.
REFUSED: dict[str, tuple[models.Field | None, list[Operation], str]] = {
    "NOT NULL without a default": (None, [add(REQUIRED)], "agents requires it .* null=True or a plain db_default"),
    "NOT NULL with a default in Python": (
        None,
        [add(models.CharField(max_length=20, default="x"))],
        "agents requires it .* null=True or a plain db_default",
    ),
    "NULL with a default in Python": (
        None,
        [add(models.CharField(max_length=20, default="x", null=True))],
        "would stay NULL in the replica.* fill it with an UPDATE on the source",
    ),
    "NULL with the moment, in Python": (
        None,
        [add(models.DateTimeField(auto_now_add=True, null=True))],
        "would stay NULL in the replica",
    ),
    "a default that differs from row to row": (
        None,
        [add(models.UUIDField(default=uuid.uuid4, db_default=RandomUUID()))],
        "each database would compute its own.* fill it with an UPDATE on the source",
    ),
    "a default that differs from moment to moment": (
        None,
        [add(models.DateTimeField(db_default=Now()))],
        "each database would compute its own",
    ),
    "a column with another name": (
        NULLABLE,
        [RenameField(MODEL, "extra", "other")],
        "extra would be renamed to other.* db_column.* add a new column",
    ),
    "another db_column": (
        NULLABLE,
        [alter(models.CharField(max_length=20, null=True, db_column="other"))],
        "extra would be renamed to other.* db_column.* add a new column",
    ),
    "a table with another name": (
        None,
        [AlterModelTable(MODEL, "users")],
        "user_references would be dropped or renamed.*db_table stays as it is",
    ),
    "a type that neither takes from the other": (
        models.BooleanField(null=True),
        [alter(models.IntegerField(null=True))],
        "erebus would send integer, and agents has boolean.* add a new column",
    ),
    "a unique column": (
        None,
        [add(models.CharField(max_length=20, null=True, unique=True))],
        "UNIQUE of extra, which can only stop replication.*source's model alone",
    ),
    "a column with a CHECK": (
        None,
        [add(models.PositiveIntegerField(null=True))],
        "CHECK of extra, which can only stop replication.*source's model alone",
    ),
    "a unique constraint": (
        NULLABLE,
        [AddConstraint(MODEL, models.UniqueConstraint(fields=["extra"], name="extra_unique"))],
        "extra_unique, which can only stop replication.*source's model alone",
    ),
    "one comes and one goes in one migration": (
        NULLABLE,
        [AddField(MODEL, "other", NULLABLE), RemoveField(MODEL, "extra")],
        "Split each into two migrations",
    ),
    "wider and NOT NULL in one": (
        NULLABLE,
        [alter(models.CharField(max_length=40, db_default="x"))],
        "Split each into two migrations",
    ),
    "a rename in disguise": (
        NULLABLE,
        [SeparateDatabaseAndState([RenameField(MODEL, "extra", "other")], [RenameField(MODEL, "extra", "other")])],
        "extra would be renamed to other",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(changes: Changes, what: str) -> None:
    before, operations, says = REFUSED[what]
    if before is not None:
        changes.had(before)
    found = state()
    changes.both(*operations)
    for arguments in ({"plan": True}, {"database": "agents"}):
        with pytest.raises(CommandError, match=re.compile(f"Not applied.*{says}", re.DOTALL)):
            migrate(**arguments)
    assert state() == found


def test_a_column_that_the_replica_requires_does_not_go_before_it_may(changes: Changes) -> None:
    changes.had(models.CharField(max_length=20, db_default="x"))
    changes.both(alter(REQUIRED), name="no_default")
    migrate(verbosity=0)
    found = state()
    changes.both(RemoveField(MODEL, "extra"))
    with pytest.raises(CommandError, match=r"agents requires it .*(.|\n)*in a migration of its own before that"):
        migrate()
    assert state() == found


def test_the_steps_to_take_in_place_of_a_default_that_differs(changes: Changes) -> None:
    """What the refusal proposes works: add NULL, fill on the source, then the default and NOT NULL."""
    users = [add_user(f"user-{number}") for number in range(3)]
    changes.had(models.UUIDField(null=True))
    EREBUS_SQL.run("UPDATE user_references SET extra = gen_random_uuid()")
    changes.both(alter(models.UUIDField(default=uuid.uuid4, db_default=RandomUUID())), name="default")
    migrate(verbosity=0)
    add_user("after")
    assert_equal_copies(more_than=0)
    assert EREBUS_SQL.value("SELECT count(DISTINCT extra) FROM user_references") == len(users) + 1
    assert columns("erebus") == columns("agents") == {"extra": ("uuid", True)}


def test_the_steps_to_take_in_place_of_a_rename(changes: Changes) -> None:
    changes.had(NULLABLE)
    add_user("user", extra="value")
    changes.both(AddField(MODEL, "other", NULLABLE), name="new")
    migrate(verbosity=0)
    EREBUS_SQL.run("UPDATE user_references SET other = extra")
    changes.both(RemoveField(MODEL, "extra"), name="old")
    migrate(verbosity=0)
    assert_equal_copies(more_than=0)
    assert EREBUS_SQL.rows("SELECT other FROM user_references") == [("value",)]


def test_a_model_may_have_another_name_if_its_table_keeps_it(changes: Changes) -> None:
    changes.both(RenameModel("UserReference", "Person"))
    migrate(verbosity=0)
    add_user("user")
    assert_equal_copies(more_than=0)
