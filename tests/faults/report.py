"""docs/reference/faults.md: what the scenarios declare, and how long it took until both copies were verified equal."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path

from tests.faults.scenarios import SCENARIOS, Scenario

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "reference" / "faults.md"
#: The order of the subjects; each has a module.
ORDER = ("processes", "network", "disk", "replica", "publisher", "copies", "shapes", "users", "sharing")
#: The versions that have a column.
MAJORS = (18, 15)
#: Seconds, as the page has them: rounded up, so that it changes only where something has changed.
STEPS = (0.5, 1, 2, 5, 10, 20, 60, 120)
UNKNOWN = "?"

_HEAD = """\
# What goes wrong, what `replication status` says, and what mends it

Made from the tests in `tests/faults` by `make faults` (PostgreSQL 18) and `make faults-15`, which inject every fault
for real, most of them while users are written. Each ends with both copies of `user_references` verified equal, every
commit that was acknowledged there once, and status saying `ok`.

"Says" is the verdict and the codes of `manage.py replication status` while the fault lasts; `ok` where it ends sooner
than anybody looks, or where status cannot see it. "Mends it" is what status prints as the fix, run exactly as printed
where it is a command, or SQL for the database before the colon. The seconds are those from the end of the fault, or
from the beginning of its mending, until the copies were verified equal, on a machine of two cores with
`wal_retrieve_retry_interval = 500ms`, rounded up to one of 0.5, 1, 2, 5, 10, 20, 60.
"""
_TABLE = """
## {subject}

| fault | what is done | says | mends it | s on 18 | s on 15 |
|---|---|---|---|---|---|
"""


def all_scenarios() -> list[Scenario]:
    """Every scenario that a test declares, in the order of the page."""
    for path in sorted(HERE.glob("test_*.py")):
        importlib.import_module(f"tests.faults.{path.stem}")
    return sorted(SCENARIOS, key=lambda scenario: ORDER.index(scenario.module.rpartition(".test_")[2]))


Figures = dict[str, dict[int, str]]


def render(scenarios: list[Scenario], figures: Mapping[str, Mapping[int, str]]) -> str:
    """The page with these figures, by scenario and version."""
    parts = [_HEAD]
    subject = None
    for scenario in scenarios:
        if scenario.subject != subject:
            subject = scenario.subject
            parts.append(_TABLE.format(subject=subject))
        known = figures.get(scenario.name, {})
        seconds = [known.get(major, UNKNOWN) for major in MAJORS]
        cells = [scenario.name, scenario.injected, _says(scenario), _code(scenario.mend), *seconds]
        parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(parts)


def figures_of(page: str) -> Figures:
    """The figures that the page has."""
    rows = (line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| "))
    return {cells[0]: dict(zip(MAJORS, cells[-2:], strict=True)) for cells in rows if cells[0] != "fault"}


def write(measured: Mapping[str, float], major: int) -> None:
    """Put the seconds measured on PostgreSQL `major` into the page; those of other versions stay."""
    figures = figures_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    for name, seconds in measured.items():
        known = figures.setdefault(name, {})
        known[major] = rounded(seconds, known.get(major, UNKNOWN))
    PAGE.write_text(render(all_scenarios(), figures), encoding="utf-8")


def rounded(seconds: float, before: str) -> str:
    """The next of STEPS; what the page said before, if that is the same or next to it."""
    new = next((number for number, step in enumerate(STEPS) if seconds <= step), len(STEPS) - 1)
    steps = [f"{step:g}" for step in STEPS]
    old = steps.index(before) if before in steps else None
    return steps[new if old is None or abs(new - old) > 1 else old]


def _says(scenario: Scenario) -> str:
    if not scenario.codes:
        return scenario.verdict
    said = f"{scenario.verdict}: {', '.join(scenario.codes)}"
    return said if scenario.codes == scenario.codes_15 else f"{said} (15: {', '.join(scenario.codes_15)})"


def _code(mend: str) -> str:
    """Commands and SQL in code style."""
    return f"`{mend}`" if re.match(r"manage\.py |erebus: |agents: ", mend) else mend
