"""Migration operations of ours, while a migration is written: what they refuse, how they read, how they are stored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.writer import MigrationWriter, OperationWriter

from nullstore.constraints import DatabaseForeignKey, SQLCheck
from nullstore.identifiers import check_identifier
from nullstore.replication.operations import (
    CreatePublication,
    CreateReplicationRole,
    CreateSubscription,
    GuardReplica,
)
from nullstore.triggers import CreateTrigger, RemoveTrigger

TRIGGER: dict[str, Any] = {
    "name": "t_touch",
    "table": "t",
    "timing": "BEFORE",
    "events": ("UPDATE",),
    "body": "BEGIN RETURN NEW; END",
}
OPERATIONS: list[tuple[Operation, str, str]] = [
    (CreateReplicationRole(tables=("t",)), "Create the replication role", "create_replication_role"),
    (CreatePublication("p", tables=("t", "u")), "Create publication p of t, u", "create_publication_p"),
    (
        CreateSubscription("s", publication="p", publisher="erebus"),
        "Create subscription s to p on erebus",
        "create_subscription_s",
    ),
    (GuardReplica(table="t", source="erebus.t"), "Guard the replica t against writes", "guard_t"),
    (CreateTrigger(**TRIGGER), "Create trigger t_touch on t", "create_trigger_t_touch"),
    (RemoveTrigger(**TRIGGER), "Remove trigger t_touch from t", "remove_trigger_t_touch"),
]


@pytest.mark.parametrize(("operation", "description", "fragment"), OPERATIONS, ids=lambda value: str(value)[:30])
def test_how_an_operation_reads(operation: Operation, description: str, fragment: str) -> None:
    assert operation.describe() == description
    assert operation.migration_name_fragment == fragment
    assert operation.reversible
    removes = isinstance(operation, RemoveTrigger)
    assert operation.category == (OperationCategory.REMOVAL if removes else OperationCategory.ADDITION)


@pytest.mark.parametrize("operation", [operation for operation, *_ in OPERATIONS], ids=lambda value: str(value)[:30])
def test_an_operation_can_be_written_to_a_migration_and_read_again(operation: Operation) -> None:
    written, imports = OperationWriter(operation, indentation=0).serialize()
    namespace: dict[str, Any] = {}
    exec("\n".join(imports), namespace)
    read = eval(written.rstrip().rstrip(","), namespace)
    values = {name: value for name, value in vars(operation).items() if name != "_constructor_args"}
    assert {name: value for name, value in vars(read).items() if name != "_constructor_args"} == values


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CreateReplicationRole(tables=("t; DROP TABLE t",)), "is not a name"),
        (lambda: CreatePublication("Upper", tables=("t",)), "is not a name"),
        (lambda: CreatePublication("p", tables=()), "no tables"),
        (lambda: CreatePublication("p", tables=('a"b',)), "is not a name"),
        (lambda: CreatePublication("p", tables=("t",), publish=()), "publish"),
        (lambda: CreatePublication("p", tables=("t",), publish=("upsert",)), "publish"),
        (lambda: CreateSubscription("s-1", publication="p", publisher="erebus"), "is not a name"),
        (lambda: CreateSubscription("s", publication="1p", publisher="erebus"), "is not a name"),
        (lambda: CreateSubscription("s" * 55, publication="p", publisher="erebus"), "63 characters"),
        (lambda: GuardReplica(table="t", source="erebus.t'; --"), "is not a name"),
        (lambda: CreateTrigger(**{**TRIGGER, "timing": "INSTEAD OF"}), "BEFORE, AFTER"),
        (lambda: CreateTrigger(**{**TRIGGER, "level": "TABLE"}), "ROW, STATEMENT"),
        (lambda: CreateTrigger(**{**TRIGGER, "enable": "SOMETIMES"}), "ORIGIN, ALWAYS, REPLICA, DISABLED"),
        (lambda: CreateTrigger(**{**TRIGGER, "events": ()}), "events"),
        (lambda: CreateTrigger(**{**TRIGGER, "events": ("SELECT",)}), "events"),
        (lambda: CreateTrigger(**{**TRIGGER, "events": ("TRUNCATE",)}), "STATEMENT only"),
        (lambda: CreateTrigger(**{**TRIGGER, "new_table": "n"}), "AFTER and one event"),
        (lambda: CreateTrigger(**{**TRIGGER, "timing": "AFTER", "old_table": "a b"}), "is not a name"),
        (lambda: CreateTrigger(**{**TRIGGER, "table": "a b"}), "is not a name"),
        (lambda: DatabaseForeignKey(name="fk", field="user", on_delete="NO ACTION"), "CASCADE, SET NULL, RESTRICT"),
    ],
)
def test_what_postgresql_would_refuse_is_refused_when_written(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("name", ["", "1a", "A", "a-b", "a b", 'a"', "é", "a" * 64, "a\n"])
def test_names_that_need_quotes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        check_identifier(name)


@pytest.mark.parametrize(
    "constraint",
    [
        DatabaseForeignKey(name="fk", field="user", on_delete="CASCADE", violation_error_message="No such user."),
        SQLCheck(name="c", sql="a > 0", fields=("a",)),
    ],
    ids=lambda constraint: type(constraint).__name__,
)
def test_a_constraint_can_be_written_to_a_migration_and_read_again(constraint: Any) -> None:
    written, imports = MigrationWriter.serialize(constraint)
    namespace: dict[str, Any] = {}
    exec("\n".join(imports), namespace)
    assert eval(written, namespace) == constraint
    assert constraint.clone() == constraint
