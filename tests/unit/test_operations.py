"""Migration operations of ours, while a migration is written: what they refuse, how they read, how they are stored."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.writer import MigrationWriter, OperationWriter

from nullstore.constraints import DatabaseForeignKey, SQLCheck
from nullstore.identifiers import check_identifier
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreatePublication,
    CreateReplicationRole,
    CreateSubscription,
    GuardReplica,
    RemovePublication,
    RemoveSubscription,
    UnguardReplica,
)
from nullstore.replication.options import PUBLICATION_OPTIONS, SUBSCRIPTION_OPTIONS, literal
from nullstore.replication.rowfilter import columns_read
from nullstore.triggers import CreateTrigger, RemoveTrigger

TRIGGER: dict[str, Any] = {
    "name": "t_touch",
    "table": "t",
    "timing": "BEFORE",
    "events": ("UPDATE",),
    "body": "BEGIN RETURN NEW; END",
}
FOLLOWS: dict[str, Any] = {"publication": "p", "publisher": "erebus"}
OPERATIONS: list[tuple[Operation, str, str]] = [
    (CreateReplicationRole(tables=("t",)), "Create the replication role", "create_replication_role"),
    (CreatePublication("p", tables=("t", "u")), "Create publication p of t, u", "create_publication_p"),
    (
        CreateSubscription("s", publication="p", publisher="erebus"),
        "Create subscription s to p on erebus",
        "create_subscription_s",
    ),
    (
        AlterPublication("p", before={"tables": ("t",)}, after={"tables": ("t", "u"), "columns": {"u": ("id", "a")}}),
        "Alter publication p",
        "alter_publication_p",
    ),
    (RemovePublication("p", tables=("t",), where={"t": "id > 0"}), "Remove publication p", "remove_publication_p"),
    (
        AlterSubscription("s", before=FOLLOWS, after={**FOLLOWS, "options": {"binary": True}}),
        "Alter subscription s",
        "alter_subscription_s",
    ),
    (RemoveSubscription("s", **FOLLOWS), "Remove subscription s", "remove_subscription_s"),
    (GuardReplica(table="t", source="erebus.t"), "Guard the replica t against writes", "guard_t"),
    (UnguardReplica(table="t", source="erebus.t"), "Remove the guard of the replica t", "unguard_t"),
    (CreateTrigger(**TRIGGER), "Create trigger t_touch on t", "create_trigger_t_touch"),
    (RemoveTrigger(**TRIGGER), "Remove trigger t_touch from t", "remove_trigger_t_touch"),
]


@pytest.mark.parametrize(("operation", "description", "fragment"), OPERATIONS, ids=lambda value: str(value)[:30])
def test_how_an_operation_reads(operation: Operation, description: str, fragment: str) -> None:
    assert operation.describe() == description
    assert operation.migration_name_fragment == fragment
    assert operation.reversible
    verb = description.split(maxsplit=1)[0]
    assert operation.category == {
        "Remove": OperationCategory.REMOVAL,
        "Alter": OperationCategory.ALTERATION,
    }.get(verb, OperationCategory.ADDITION)


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
        (lambda: CreatePublication("p", tables=("t", "t")), "named twice"),
        (lambda: CreatePublication("p", tables=("t",), publish=("insert", "insert")), "publish"),
        (lambda: CreatePublication("p", tables=("t",), columns={"u": ("id",)}), "u has columns.* not among its tables"),
        (lambda: CreatePublication("p", tables=("t",), columns={"t": ()}), "empty"),
        (lambda: CreatePublication("p", tables=("t",), columns={"t": ("id", "A")}), "is not a name"),
        (lambda: CreatePublication("p", tables=("t",), columns={"t": ("a",)}), "lacks id of the replica identity"),
        (lambda: CreatePublication("p", tables=("t",), where={"t": "network = 'id'"}), "reads network, outside"),
        (lambda: CreatePublication("p", tables=("t",), options={"via_root": True}), "'via_root' is not one of"),
        (lambda: CreatePublication("p", tables=("t",), options={"publish_via_partition_root": 1}), "is not one of"),
        (
            lambda: CreatePublication(
                "p",
                tables=("t",),
                columns={"t": ("id",)},
                options={"publish_generated_columns": "stored"},
            ),
            "exclude each other",
        ),
        (lambda: AlterPublication("p", before={"tables": ("t",)}, after={"tables": ()}), "no tables"),
        (lambda: CreateSubscription("s", publication="p", publisher="nowhere"), "not one of erebus, agents"),
        (lambda: CreateSubscription("s", **FOLLOWS, options={"slot_name": "x"}), "'slot_name' is not one of"),
        (lambda: CreateSubscription("s", **FOLLOWS, options={"streaming": "sometimes"}), "streaming = 'sometimes'"),
        (lambda: CreateSubscription("s", **FOLLOWS, options={"binary": "true"}), "binary = 'true'"),
        (lambda: AlterSubscription("s", before=FOLLOWS, after={**FOLLOWS, "options": {"x": 1}}), "'x' is not one of"),
        (lambda: UnguardReplica(table="t", source="erebus.T"), "is not a name"),
        (lambda: CreateSubscription("s-1", publication="p", publisher="erebus"), "is not a name"),
        (lambda: CreateSubscription("s", publication="1p", publisher="erebus"), "is not a name"),
        (lambda: CreateSubscription("s" * 54, publication="p", publisher="erebus"), "63 characters"),
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


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("id IS NOT NULL", {"id"}),
        ("network = 'email' AND user_type <> 'it''s id'", {"network", "user_type"}),
        ("lower(network) = ANY (ARRAY['a', 'b'])", {"network"}),
        ("id::text LIKE 'a%' OR CAST(n AS timestamp with time zone) > '2020-01-01'", {"id", "n"}),
        ('"Odd Name" BETWEEN 1 AND 2', {"Odd Name"}),
        ("$$ id $$ = a /* b */ -- c", {"a"}),
        ("TYPE = 1 AND Status IS NOT DISTINCT FROM true", {"type", "status"}),
    ],
)
def test_which_columns_a_row_filter_reads(condition: str, columns: set[str]) -> None:
    assert columns_read(condition) == columns


def test_a_filter_may_read_any_column_where_only_inserts_are_published() -> None:
    CreatePublication("p", tables=("t",), where={"t": "network = 'email'"}, publish=("insert",))


def test_a_filter_may_read_the_replica_identity_that_is_named() -> None:
    CreatePublication("p", tables=("t",), where={"t": "network = 'email'"}, replica_identity={"t": ("id", "network")})


def test_the_reference_lists_the_options_that_there_are() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/reference/operations.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (publication|subscription) \| (.*) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    tables = {"publication": PUBLICATION_OPTIONS, "subscription": SUBSCRIPTION_OPTIONS}
    there = [(option, of) for of, options in tables.items() for option in options]
    assert [(name, of, int(since), int(altered)) for name, of, _, since, altered in listed] == [
        (option.name, of, option.since, max(option.since, option.altered_since)) for option, of in there
    ]
    for (option, _), (_, _, values, _, _) in zip(there, listed, strict=True):
        said = re.sub(r" \(\d+\)", "", values).split(", ")
        assert sorted(said) == sorted(literal(value) for value in option.values)
