"""nullstore.W001: what the two copies of a replicated table, and the models, disagree about."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections, models
from django.db.migrations import AddField

from nullstore.checks import check_replicated_tables
from nullstore.databases import ALIASES
from nullstore.replication.fence import wait_until_replicated
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT
from tests.integration.schema_changes.changing import Changes, migrate
from tests.servers import free_ports

ADD = "ALTER TABLE user_references ADD COLUMN extra integer"
DROP = "ALTER TABLE user_references DROP COLUMN IF EXISTS extra"


def found() -> str:
    messages = check_replicated_tables(databases=ALIASES)
    assert {message.id for message in messages} <= {"nullstore.W001"}
    assert not any(message.is_serious() for message in messages)
    return "\n".join(message.msg for message in messages)


@contextmanager
def altered(alias: str, statement: str, back: str) -> Iterator[None]:
    sql = EREBUS_SQL if alias == "erebus" else AGENTS_SQL
    sql.run(statement)
    try:
        yield
    finally:
        sql.run(back)


def test_w001_is_silent_where_all_agree(changes: Changes) -> None:
    assert found() == ""


@pytest.mark.parametrize(
    ("alias", "statement", "back", "says"),
    [
        ("erebus", ADD, DROP, "user_references.extra: erebus would send it and agents lacks it"),
        ("agents", ADD, DROP, "user_references.extra: agents has it and the model agents_app.UserReference does not"),
        ("agents", f"{ADD} NOT NULL", DROP, "user_references.extra: agents requires it"),
        (
            "agents",
            "ALTER TABLE user_references ADD COLUMN extra text GENERATED ALWAYS AS (network::text) STORED",
            DROP,
            "user_references.extra: agents has it and the model agents_app.UserReference does not",
        ),
        (
            "agents",
            "ALTER TABLE user_references ALTER COLUMN network TYPE varchar(60)",
            "ALTER TABLE user_references ALTER COLUMN network TYPE varchar(50)",
            "user_references.network: character varying(50) NOT NULL in the publication erebus_user_sync, "
            "character varying(60) NOT NULL in agents",
        ),
        (
            "agents",
            "ALTER TABLE user_references ALTER COLUMN email SET NOT NULL",
            "ALTER TABLE user_references ALTER COLUMN email DROP NOT NULL",
            "user_references.email: erebus may send NULL, and agents has NOT NULL",
        ),
        (
            "agents",
            "ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> '')",
            "ALTER TABLE user_references DROP CONSTRAINT by_hand",
            "agents has by_hand, which can only stop replication",
        ),
        (
            "erebus",
            "ALTER PUBLICATION erebus_user_sync SET TABLE user_references (id, network)",
            "ALTER PUBLICATION erebus_user_sync SET TABLE user_references",
            "user_references.source_identifier: agents requires it",
        ),
    ],
)
def test_w001_names_what_was_altered_by_hand(
    changes: Changes, alias: str, statement: str, back: str, says: str
) -> None:
    with altered(alias, statement, back):
        assert says in found()
    assert found() == ""


def test_w001_is_silent_about_what_waits_for_a_migration(changes: Changes) -> None:
    changes.both(AddField("userreference", "extra", models.IntegerField(null=True)))
    assert found() == ""
    migrate("agents_app", verbosity=0)
    assert found() == ""
    with altered("erebus", "ALTER TABLE user_references ADD COLUMN other integer", DROP.replace("extra", "other")):
        assert "user_references.other: erebus would send it" in found()
    wait_until_replicated(TIMEOUT)


@pytest.mark.parametrize("databases", [None, [], ["erebus"], ["agents"]])
def test_w001_asks_both_databases_or_none(
    changes: Changes, databases: list[str] | None, django_assert_num_queries: object
) -> None:
    with altered("agents", ADD, DROP):
        assert check_replicated_tables(databases=databases) == []


@pytest.mark.parametrize("dead", ALIASES)
def test_w001_leaves_a_dead_server_to_others(changes: Changes, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(connections[dead].settings_dict, "PORT", str(free_ports(1)[0]))
        connections[dead].close()
        assert found() == ""
    connections[dead].close()
