"""Versions, lineage and the trail of engrams, whoever writes: bare SQL only."""

from typing import Any

import pytest

from tests.integration.baresql import BareSQL

pytestmark = pytest.mark.django_db(databases=["agents"])

agents = BareSQL("agents")
HISTORY = """
    INSERT INTO engram_history (engram_id, version, content, summary, tags, changed_by, change_reason)
    SELECT id, version, content, summary, tags, 'service', 'its own' FROM engrams WHERE id = %s
"""
NEXT = "content = '{\"a\": 2}', summary = 'two', tags = '{new}'"


def insert(key: str = "a.b.c", **columns: Any) -> str:
    values = {"wallet_address": "0xabc", "engram_type": "persona", "key": key, "content": {"a": 1}, **columns}
    return str(agents.insert("engrams", **values))


def update(engram: str, assignments: str) -> dict[str, Any]:
    agents.run(f"UPDATE engrams SET {assignments} WHERE id = %s", [engram])
    return agents.record("engrams", engram)


def trail(engram: str) -> list[tuple[Any, ...]]:
    """Return version, content, summary and tags of every version in the history."""
    return agents.rows(
        "SELECT version, content ->> 'a', summary, tags FROM engram_history WHERE engram_id = %s ORDER BY version",
        [engram],
    )


def explanations(engram: str) -> list[tuple[Any, ...]]:
    return agents.rows(
        "SELECT changed_by, change_reason, created_at = now() FROM engram_history WHERE engram_id = %s "
        "ORDER BY version",
        [engram],
    )


def explain(actor: str, reason: str) -> None:
    agents.rows(
        "SELECT set_config('nullstore.actor', %s, true), set_config('nullstore.reason', %s, true)", [actor, reason]
    )


@pytest.mark.parametrize("sent", [{}, {"lineage_root_id": "00000000-0000-0000-0000-000000000009"}])
def test_the_lineage_leads_to_the_first_ancestor_whatever_is_sent(sent: dict[str, str]) -> None:
    original = insert("original", **sent)
    fork = insert("fork", parent_id=original, **sent)
    fork_of_fork = insert("fork.fork", parent_id=fork, **sent)
    roots = [agents.record("engrams", engram)["lineage_root_id"] for engram in (original, fork, fork_of_fork)]
    assert roots == [original, original, original]


def test_the_lineage_survives_its_ancestors() -> None:
    original = insert("original")
    fork = insert("fork", parent_id=original)
    agents.run("DELETE FROM engrams WHERE id = %s", [original])
    row = agents.record("engrams", fork)
    assert (row["parent_id"], row["lineage_root_id"]) == (None, original)
    row = update(fork, "lineage_root_id = NULL, content = '{}'")
    assert (row["lineage_root_id"], row["version"]) == (original, 2)
    assert agents.record("engrams", insert("late", parent_id=fork))["lineage_root_id"] == original


def test_an_engram_that_names_itself_as_parent_is_its_own_root() -> None:
    itself = "00000000-0000-0000-0000-000000000007"
    insert(id=itself, parent_id=itself)
    assert agents.record("engrams", itself)["lineage_root_id"] == itself


@pytest.mark.parametrize("assignments", ["content = '{\"a\": 2}'", "summary = 'two'", "tags = '{new}'", NEXT])
@pytest.mark.parametrize("sent", ["", ", version = 1", ", version = 99", ", version = NULL"])
def test_a_change_of_what_it_says_makes_the_next_version_whatever_is_sent(assignments: str, sent: str) -> None:
    engram = insert(summary="one", tags=["old"])
    assert update(engram, assignments + sent)["version"] == 2
    assert trail(engram) == [(1, "1", "one", ["old"])]


@pytest.mark.parametrize(
    "assignments",
    [
        "priority = 3, is_public = true, accessed_at = now()",
        "version = 7",
        "version = NULL",
        "content = content, summary = summary, tags = tags, version = 7",
        "content = '{ \"a\" : 1 }'",
    ],
)
def test_a_change_of_anything_else_makes_no_version(assignments: str) -> None:
    engram = insert(summary="one")
    assert update(engram, assignments)["version"] == 1
    assert trail(engram) == []


def test_versions_are_counted_from_what_was_inserted() -> None:
    engram = insert(version=5)
    assert update(engram, NEXT)["version"] == 6
    assert [version for version, *_ in trail(engram)] == [5]


def test_the_history_holds_every_version_but_the_current_one() -> None:
    engram = insert(summary="one", tags=["old"])
    update(engram, NEXT)
    update(engram, "summary = NULL")
    assert update(engram, "tags = '{}'")["version"] == 4
    assert trail(engram) == [(1, "1", "one", ["old"]), (2, "2", "two", ["new"]), (3, "2", None, ["new"])]


@pytest.mark.parametrize(
    ("actor", "reason", "recorded"),
    [
        ("ann", "typo", ("ann", "typo", True)),
        ("", "", (None, None, True)),
        ("x" * 300, "y" * 300, ("x" * 255, "y" * 255, True)),
    ],
)
def test_who_and_why_are_those_of_the_transaction(actor: str, reason: str, recorded: tuple[Any, ...]) -> None:
    engram = insert()
    explain(actor, reason)
    update(engram, NEXT)
    assert explanations(engram) == [recorded]


def test_nobody_in_particular_is_null() -> None:
    engram = insert()
    update(engram, NEXT)
    assert explanations(engram) == [(None, None, True)]


@pytest.mark.parametrize("habit", ["before", "after", "never"])
def test_a_service_that_writes_the_history_itself_does_no_harm(habit: str) -> None:
    engram = insert(summary="one", tags=["old"])
    old = agents.rows("SELECT id, version, content::text, summary, tags FROM engrams WHERE id = %s", [engram])[0]
    if habit == "before":
        agents.run(HISTORY, [engram])
    assert update(engram, f"{NEXT}, version = 2")["version"] == 2
    if habit == "after":
        insertion = (
            "INSERT INTO engram_history (engram_id, version, content, summary, tags) VALUES (%s, %s, %s, %s, %s)"
        )
        assert agents.run(insertion, old) == 0
    assert update(engram, "summary = 'three'")["version"] == 3
    assert trail(engram) == [(1, "1", "one", ["old"]), (2, "2", "two", ["new"])]
    assert explanations(engram)[0][:2] == (("service", "its own") if habit == "before" else (None, None))


def test_a_second_entry_of_one_version_is_ignored_in_every_form_of_insert() -> None:
    engram = insert()
    values = f"('{engram}', 1, '{{}}'), ('{engram}', 1, '[]'), ('{engram}', 2, '{{}}')"
    insertion = f"INSERT INTO engram_history (engram_id, version, content) VALUES {values}"
    assert agents.run(insertion) == 2
    assert agents.run(insertion) == 0
    assert agents.run(f"{insertion} ON CONFLICT DO NOTHING") == 0
    assert agents.run(f"{insertion} ON CONFLICT (engram_id, version) DO NOTHING") == 0
    assert agents.rows("SELECT version, content::text FROM engram_history ORDER BY version") == [(1, "{}"), (2, "{}")]


def test_the_trail_outlives_its_subject() -> None:
    engram = insert(summary="one", tags=["old"])
    explain("ann", "typo")
    update(engram, NEXT)
    explain("bob", "no longer needed")
    agents.run("DELETE FROM engrams WHERE id = %s", [engram])
    assert trail(engram) == [(1, "1", "one", ["old"]), (2, "2", "two", ["new"])]
    assert explanations(engram) == [("ann", "typo", True), ("bob", "deleted", True)]


def test_a_delete_after_the_services_own_entry_keeps_that() -> None:
    engram = insert()
    agents.run(HISTORY, [engram])
    agents.run("DELETE FROM engrams WHERE id = %s", [engram])
    assert explanations(engram) == [("service", "its own", True)]


def test_a_delete_of_parent_and_fork_in_one_statement_keeps_both_trails() -> None:
    original = insert("original")
    fork = insert("fork", parent_id=original)
    assert agents.run("DELETE FROM engrams") == 2
    assert [len(trail(engram)) for engram in (original, fork)] == [1, 1]


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("engram_history", "UPDATE engram_history SET change_reason = 'other'"),
        ("engram_history", "UPDATE engram_history SET version = 1 WHERE false"),
        ("engram_history", "DELETE FROM engram_history"),
        ("engram_history", "DELETE FROM engram_history WHERE false"),
        ("engram_history", "TRUNCATE engram_history"),
        (
            "engram_history",
            "INSERT INTO engram_history (engram_id, version, content) VALUES (gen_random_uuid(), 1, '{}') "
            "ON CONFLICT (engram_id, version) DO UPDATE SET content = EXCLUDED.content",
        ),
        ("ops_actions", "UPDATE ops_actions SET actor = 'other'"),
        ("ops_actions", "DELETE FROM ops_actions"),
        ("ops_actions", "TRUNCATE ops_actions"),
    ],
)
@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_an_audit_table_is_append_only(table: str, statement: str, filled: bool, role: str) -> None:
    if filled:
        update(insert(), NEXT)
        agents.insert("ops_actions", actor="ann", action="cancel", target_table="tasks", target_id="1")
    agents.run(f"SET LOCAL session_replication_role = {role}")
    said = agents.refusal(statement)
    event = statement.split(maxsplit=1)[0].replace("INSERT", "UPDATE")
    assert (said.sqlstate, said.schema_name, said.table_name) == ("NS003", "public", table)
    assert said.message_primary == f"{table} is append-only: {event} is refused for everybody"
    assert said.message_hint == "Write a new row that says what is different; those that are there stay."
    assert agents.value(f"SELECT count(*) FROM {table}") == filled


@pytest.mark.parametrize(
    "statement", ["TRUNCATE engrams", "TRUNCATE engrams CASCADE", "TRUNCATE agents, engrams CASCADE"]
)
def test_engrams_are_not_truncated_past_their_trail(statement: str) -> None:
    insert()
    said = agents.refusal(statement)
    assert (said.sqlstate, said.table_name) == ("NS003", "engrams")
    assert said.message_primary == (
        "TRUNCATE of engrams is refused: the last versions would be missing in engram_history"
    )
    assert said.message_hint == "Use DELETE FROM engrams, which writes them there."
    assert agents.value("SELECT count(*) FROM engrams") == 1


def sequential_scans() -> dict[str, int]:
    return dict(agents.rows("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname LIKE 'engram%'"))


def test_filling_a_table_that_was_empty_does_not_scan_it_for_each_row() -> None:
    original = insert("original")
    # The foreign key looks up parents, too, with a plan of PostgreSQL's own.
    agents.run("ALTER TABLE engrams DROP CONSTRAINT engrams_parent_fkey")
    agents.run("ANALYZE engrams, engram_history")
    before = sequential_scans()
    insertion = "INSERT INTO engrams (wallet_address, engram_type, key, content, parent_id)"
    agents.run(f"{insertion} SELECT '0x', 'persona', 'k' || i, '{{}}', '{original}' FROM generate_series(1, 20) AS i")
    assert sequential_scans() == before
    agents.run("UPDATE engrams SET summary = 'two'")
    assert sequential_scans() == before | {"engrams": before["engrams"] + 1}
