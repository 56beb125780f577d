"""docs/reference/faults.md has exactly the scenarios that the tests have."""

import pytest

from tests.faults.report import MAJORS, PAGE, UNKNOWN, all_scenarios, figures_of, render, rounded

FOR_A_NEW_PAGE = "run: make faults faults-15"


@pytest.fixture(autouse=True)
def page_as_it_was(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-report", default=False):
        pytest.skip("this run writes the page at its end")


def test_the_page_says_what_the_tests_declare() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == render(all_scenarios(), figures_of(page)), FOR_A_NEW_PAGE


def test_every_scenario_was_measured_on_every_version() -> None:
    figures = figures_of(PAGE.read_text(encoding="utf-8"))
    missing = [f"{name} on {major}" for name in figures for major in MAJORS if figures[name][major] == UNKNOWN]
    assert missing == [], FOR_A_NEW_PAGE


@pytest.mark.parametrize(
    ("seconds", "before", "after"),
    [(0.2, "?", "0.5"), (4.0, "?", "5"), (500.0, "?", "120"), (1.1, "1", "1"), (0.9, "2", "2"), (4.0, "1", "5")],
)
def test_a_figure_changes_only_if_it_is_another_one(seconds: float, before: str, after: str) -> None:
    assert rounded(seconds, before) == after
