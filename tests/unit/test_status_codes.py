"""The table of problem codes: its order, its page, and that nothing goes by another name."""

import re
from pathlib import Path

import pytest

from nullstore.replication.health import CODES, Problem, Verdict, verdict_of
from nullstore.replication.health.expected import expected
from nullstore.replication.health.roots import roots, worst

ROOT = Path(__file__).parents[2]
NAMES = [code.name for code in CODES]


def problem(code: str) -> Problem:
    return Problem(code, "seen", "cause", "fix")


def test_causes_come_before_what_they_explain() -> None:
    """So no two problems explain each other, and none itself: at least one is always shown."""
    for number, code in enumerate(CODES):
        assert code.explains <= set(NAMES[number + 1 :]), code.name


def test_what_is_explained_is_not_shown_and_does_not_count() -> None:
    found = roots(map(problem, ("lagging", "slot_inactive", "apply_blocked", "guard_disabled")))
    assert [each.code for each in found] == ["apply_blocked", "guard_disabled"]
    assert worst(found) == Verdict.BROKEN
    assert worst(found[:1]) == Verdict.LAGGING
    assert worst([]) == Verdict.OK


def test_migrations_that_wait_explain_what_they_make() -> None:
    found = roots(map(problem, ("guard_missing", "migrations_pending")), frozenset({"guard_missing"}))
    assert [each.code for each in found] == ["migrations_pending"]


def test_what_is_not_shown_explains_nothing() -> None:
    found = roots(map(problem, ("columns_differ", "worker_restarting")), frozenset({"columns_differ"}))
    assert [each.code for each in found] == ["worker_restarting"]


@pytest.mark.parametrize(
    ("migration", "explains"),
    [
        ("sessions.0001_initial", set()),
        ("auth.0001_initial", set()),
        ("agents_app.0003_engram_triggers", set()),
        ("agents_app.0001_initial", {"columns_differ", "replica_constraint", "replica_missing", "replica_key"}),
        (
            "agents_app.0004_replica",
            {"guard_missing", "guard_differs", "trigger_missing", "trigger_differs"},
        ),
        ("erebus_app.0002_triggers", {"trigger_missing", "trigger_differs"}),
    ],
)
def test_a_migration_explains_only_what_it_does_to_a_replicated_table(migration: str, explains: set[str]) -> None:
    assert expected().explains[migration] == explains


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("syncing", 1), ("lagging", 1), ("broken", 2)])
def test_exit_codes(verdict: str, code: int) -> None:
    assert Verdict(verdict).exit_code == code


def test_every_code_has_its_line_in_the_reference() -> None:
    page = (ROOT / "docs/reference/status.md").read_text()
    lines = [f"| `{code.name}` | {code.verdict} | {code.meaning} | {code.mend} |" for code in CODES]
    found = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 5]
    assert found == lines, "docs/reference/status.md: replace the table by:\n" + "\n".join(lines)


def test_every_code_that_is_made_is_in_the_table_and_the_other_way_round() -> None:
    folder = ROOT / "nullstore/replication/health/problems"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    kinds = {f"{kind}_{fault}" for kind in ("guard", "trigger") for fault in ("missing", "differs")}
    made = set(re.findall(r'"([a-z]+(?:_[a-z]+)+|lagging|conflicts)"', text)) | kinds
    assert set(NAMES) <= made
    assert verdict_of(problem("lagging")) == Verdict.LAGGING
