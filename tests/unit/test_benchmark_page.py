"""What the benchmarks keep, the page that is made of it, and what is beyond its bound."""

import json
from pathlib import Path

import pytest

from benchmarks.measure import Figure, Outcome, Point, Ratio
from benchmarks.report import page, results, text

OUTCOME = Outcome(
    1_000_000,
    [Figure.of("a case", "ms", [1.0, 2.0, 30.0], beside_it="7 MiB")],
    [Ratio("ours / theirs", 1.05, most=1.1), Ratio("times as fast", 1.5, least=1.6), Ratio("just so", 9.0)],
    [Point("a case", 1_000_000, 2.0, "ms", waited_for=True)],
    ["A note."],
)


def growing(value: float) -> list[Outcome]:
    points = {100_000: 1.0, 1_000_000: 1.0, 5_000_000: value}
    return [Outcome(rows, points=[Point("a case", rows, each, "ms", True)]) for rows, each in points.items()]


@pytest.fixture
def _kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "HERE", tmp_path / "results")


@pytest.mark.usefixtures("_kept_elsewhere")
def test_what_is_kept_is_what_comes_back_and_other_benchmarks_stay() -> None:
    results.keep("full", "latency", [OUTCOME])
    results.keep("full", "verify", growing(1.0)[:2])
    results.keep("full", "verify", growing(3.0)[1:2])  # measured again
    results.keep("full", "verify", growing(1.0)[1:])
    known = results.load("full")
    assert known["latency"].outcomes == [OUTCOME]
    assert known["verify"].outcomes == growing(1.0)
    assert "PostgreSQL 1" in known["latency"].machine
    assert results.load("small") == {}


def test_what_is_beyond_a_bound_is_said() -> None:
    assert list(results.beyond({"latency": [OUTCOME]})) == ["latency: times as fast at 1,000,000 rows: 1.50"]


@pytest.mark.parametrize(("value", "beyond"), [(1.1, 0), (20.0, 1)])
def test_so_is_what_grows_faster_than_it_may(value: float, beyond: int) -> None:
    said = list(results.beyond({"pages": growing(value)}))
    assert len(said) == beyond
    assert all("growth: a case: rows to the power of" in each for each in said)
    assert ("BEYOND" in text.of_growth({"pages": growing(value)})) == bool(beyond)


def test_a_person_sees_cases_ratios_and_which_is_beyond() -> None:
    lines = text.of_outcome("latency", OUTCOME).splitlines()
    assert any(
        line.split() == ["a", "case", "(ms)", "2.00", "30.0", "30.0", "3", "beside", "it", "7", "MiB"] for line in lines
    )
    assert [line for line in lines if "BEYOND" in line] == [line for line in lines if line.startswith("times as fast")]
    assert lines[-1] == "A note."


def test_a_program_gets_all_of_it() -> None:
    said = json.loads(results.as_json({"latency": [OUTCOME]}))
    assert said["benchmarks"]["latency"][0]["figures"][0]["median"] == 2.0
    assert said["beyond"] == ["latency: times as fast at 1,000,000 rows: 1.50"]


@pytest.mark.usefixtures("_kept_elsewhere")
def test_the_page_has_every_section_and_marks_what_is_beyond() -> None:
    results.keep("full", "latency", [OUTCOME])
    results.keep("small", "router", [OUTCOME])
    made = page.render(results.load("full"), results.load("small"))
    assert "| times as fast | 1.50 | at least 1.6: **beyond** |" in made
    assert "| a case | ms | 2.00 | 30.0 | 30.0 | 3 | 7 MiB |" in made
    assert made.index("## At the small size") < made.index("### Routing")


def test_the_page_and_the_readme_say_what_was_measured() -> None:
    """Mended by: python -m benchmarks, or by hand in README.md."""
    full, small = results.load("full"), results.load("small")
    assert page.PAGE.read_text(encoding="utf-8") == page.render(full, small)
    readme = (page.ROOT / "README.md").read_text(encoding="utf-8")
    missing = [ratio.name for ratio in page.headlines(full) if f"**{text.number(ratio.value)}**" not in readme]
    assert missing == []
