"""What the tests declare about each fault. docs/reference/faults.md is made of it, and of the times measured."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

HEALS = "nothing: it heals by itself"
START = "manage.py localdb start"
REPAIR = "manage.py replication verify --repair"
RUN_AGAIN = "end that transaction, then run the same again"
RESYNC = "manage.py replication resync"
#: All scenarios, in the order of their tests.
SCENARIOS: list["Scenario"] = []


@dataclass(frozen=True)
class Scenario:
    """One fault: what is done, what `replication status` says while it lasts, and what mends it.

    `codes` are those that the test insists on; `codes_15` replaces them where PostgreSQL 15 cannot tell as much.
    """

    module: str
    subject: str
    name: str
    injected: str
    verdict: str
    codes: tuple[str, ...]
    codes_15: tuple[str, ...]
    mend: str

    def codes_of(self, major: int) -> tuple[str, ...]:
        return self.codes_15 if major < 18 else self.codes


def subject(module: str, title: str) -> Callable[..., pytest.MarkDecorator]:
    """Return what declares a scenario of this subject; used as a mark of a test or of a parameter."""

    def scenario(
        name: str,
        *,
        injected: str,
        verdict: str = "ok",
        codes: tuple[str, ...] = (),
        codes_15: tuple[str, ...] | None = None,
        mend: str = HEALS,
    ) -> pytest.MarkDecorator:
        assert name not in {each.name for each in SCENARIOS}
        older = codes if codes_15 is None else codes_15
        made = Scenario(module, title, name, injected, verdict, codes, older, mend)
        SCENARIOS.append(made)
        return pytest.mark.scenario(made)

    return scenario
