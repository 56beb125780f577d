"""CreateTrigger and RemoveTrigger on a real table: made, replaced, switched, removed, and brought back."""

from typing import Any

import pytest
from django.db import connections
from django.db.migrations.state import ProjectState

from nullstore.triggers import CreateTrigger, RemoveTrigger
from tests.integration.baresql import BareSQL

pytestmark = pytest.mark.django_db(databases=["agents"])

SQL = BareSQL("agents")
STATE = ProjectState()
BODY = "BEGIN NEW.description := '{}'; RETURN NEW; END"


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "name": "agents_describe",
        "table": "agents",
        "timing": "BEFORE",
        "events": ("INSERT", "UPDATE OF name"),
        "body": BODY.format("by trigger"),
        **changes,
    }


def run(operation: Any, *, backwards: bool = False, app_label: str = "agents_app") -> None:
    with connections["agents"].schema_editor() as editor:
        act = operation.database_backwards if backwards else operation.database_forwards
        act(app_label, editor, STATE, STATE)


def describe(name: str = "scribe") -> str | None:
    """What the trigger makes of the description of a new agent."""
    key = SQL.insert("agents", name=name, agent_type="test")
    description: str | None = SQL.value("SELECT description FROM agents WHERE id = %s", [key])
    return description


def exists() -> tuple[bool, bool]:
    """Whether trigger and function are there."""
    return (
        SQL.value("SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'agents_describe')"),
        SQL.value("SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'agents_describe')"),
    )


def test_it_acts_is_replaced_and_goes() -> None:
    run(CreateTrigger(**definition()))
    assert describe("first") == "by trigger"
    run(CreateTrigger(**definition(body=BODY.format("by another"))))
    assert describe("second") == "by another"
    run(CreateTrigger(**definition()), backwards=True)
    assert describe("third") is None
    assert exists() == (False, False)


def test_removing_is_reversed_by_making_it_again() -> None:
    run(CreateTrigger(**definition()))
    run(RemoveTrigger(**definition()))
    assert exists() == (False, False)
    run(RemoveTrigger(**definition()))
    run(RemoveTrigger(**definition()), backwards=True)
    assert describe() == "by trigger"


@pytest.mark.parametrize(
    ("enable", "ordinary", "replicated"),
    [
        ("ORIGIN", "by trigger", None),
        ("REPLICA", None, "by trigger"),
        ("ALWAYS", "by trigger", "by trigger"),
        ("DISABLED", None, None),
    ],
)
def test_enable_modes_say_for_whom_it_fires(enable: str, ordinary: str | None, replicated: str | None) -> None:
    run(CreateTrigger(**definition(enable=enable)))
    assert describe("ordinary") == ordinary
    SQL.run("SET LOCAL session_replication_role = replica")
    assert describe("replicated") == replicated


def test_running_again_restores_a_mode_that_was_changed_by_hand() -> None:
    run(CreateTrigger(**definition(enable="ALWAYS")))
    SQL.run("ALTER TABLE agents DISABLE TRIGGER agents_describe")
    run(CreateTrigger(**definition(enable="ALWAYS")))
    SQL.run("SET LOCAL session_replication_role = replica")
    assert describe() == "by trigger"


def test_when_and_columns_narrow_it() -> None:
    run(CreateTrigger(**definition(when="NEW.name LIKE 'x%'")))
    assert describe("y") is None
    assert describe("x") == "by trigger"


def test_an_app_from_elsewhere_gets_no_query(django_assert_num_queries: Any) -> None:
    with (
        connections["agents"].schema_editor() as editor,
        django_assert_num_queries(0, connection=connections["agents"]),
    ):
        for operation in (CreateTrigger(**definition()), RemoveTrigger(**definition())):
            operation.database_forwards("erebus_app", editor, STATE, STATE)
            operation.database_backwards("erebus_app", editor, STATE, STATE)
