"""The soak at its smallest, and shown to see what is lost, doubled or different."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from benchmarks.soak import kinds
from benchmarks.soak.__main__ import main
from benchmarks.soak.special import OWN
from tests.faults.byhand import past_the_guard
from tests.faults.faults import SQL, Fault
from tests.faults.report import all_scenarios

Soak = Callable[[], tuple[int, dict[str, Any]]]


@pytest.fixture
def soak(django_db_blocker: DjangoDbBlocker, capsys: pytest.CaptureFixture[str]) -> Iterator[Soak]:
    """Run the command for a moment; its exit code, and what it found."""

    def run() -> tuple[int, dict[str, Any]]:
        code = main(["--minutes", "0.01", "--seed", "1", "--json"])
        return code, json.loads(capsys.readouterr().out)

    with django_db_blocker.unblock():
        yield run


def values(outcome: dict[str, Any]) -> dict[str, float]:
    return {ratio["name"]: ratio["value"] for ratio in outcome["ratios"]}


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_doubled(soak: Soak) -> None:
    code, outcome = soak()
    assert values(outcome) == {"rows lost": 0, "rows doubled": 0, "rows that differ": 0, "failures": 0}
    assert code == 0
    assert outcome["figures"][-1]["name"] == "all faults"
    assert outcome["figures"][-1]["runs"] >= 1


@pytest.mark.slow
def test_rows_lost_or_written_by_nobody_behind_the_journal_are_counted(
    soak: Soak, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(fault: Fault, *_: object) -> None:
        newest = "SELECT id FROM {} WHERE {} LIKE 'writer-%' ORDER BY updated_at DESC LIMIT 1"  # written again late
        SQL["erebus"].run(
            f"DELETE FROM user_references WHERE id = ({newest.format('user_references', 'source_identifier')})"
        )
        SQL["agents"].run(f"DELETE FROM tasks WHERE id = ({newest.format('tasks', 'name')})")
        SQL["erebus"].insert("user_references", source_identifier="writer-unknown", network="email")
        fault.ends()

    found = planted(soak, monkeypatch, act)
    assert found == {"rows lost": 2, "rows doubled": 1, "rows that differ": 0, "failures": 0}


@pytest.mark.slow
def test_a_replica_that_differs_or_got_a_row_twice_is_a_failure(soak: Soak, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(fault: Fault, *_: object) -> None:
        past_the_guard("DELETE FROM user_references WHERE source_identifier = 'user-1'")
        SQL["agents"].run(
            "INSERT INTO applied (what, user_id) SELECT 'INSERT', id FROM user_references "
            "WHERE source_identifier = 'user-2'"
        )
        fault.ends()

    found = planted(soak, monkeypatch, act)
    assert found == {"rows lost": 0, "rows doubled": 1, "rows that differ": 1, "failures": 2}


def planted(soak: Soak, patch: pytest.MonkeyPatch, act: kinds.Act) -> dict[str, float]:
    """What a soak finds whose only fault does damage that nothing mends; it says so by its exit code."""
    done = []

    def once(fault: Fault, place: Any) -> None:
        if done:
            fault.ends()
        else:
            done.append(act(fault, place))

    patch.setattr(kinds, "KINDS", {"nothing but load": once})
    code, outcome = soak()
    assert code == 1
    return values(outcome)


def test_every_scenario_is_soaked_or_left_out_for_a_reason() -> None:
    assert kinds.KINDS.keys() & kinds.LEFT_OUT.keys() == set()
    named = {scenario.name for scenario in all_scenarios()} | {scenario.name for scenario in OWN}
    assert kinds.KINDS.keys() | kinds.LEFT_OUT.keys() == named
