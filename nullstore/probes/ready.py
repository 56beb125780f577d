"""/readyz: which checks there are, and what each says."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nullstore.admin.watching import Look
from nullstore.databases import ALIASES
from nullstore.probes.snapshot import Snapshot, snapshot
from nullstore.replication.conninfo import without_secrets
from nullstore.replication.health import Problem, Verdict

REPLICATION: Final = "replication"
CHECKS: Final = (*ALIASES, REPLICATION)


@dataclass(frozen=True, slots=True)
class Check:
    """`said` is why it failed, or a warning of one that passed; "" = nothing to say."""

    name: str
    passed: bool
    said: str = ""

    def line(self, *, reasons: bool) -> str:
        """Return the check as Kubernetes writes it. Without `reasons` it names no more than the check."""
        if self.passed:
            return f"[+]{self.name} ok" + (f", warning: {self.said}" if self.said and reasons else "")
        return f"[-]{self.name} failed: {self.said if reasons else 'reason withheld'}"


def checks(exclude: Iterable[str] = ()) -> list[Check]:
    """Return what each check says, but for those excluded: nobody waits for what they would have looked at."""
    left = [name for name in CHECKS if name not in set(exclude)]
    seen = snapshot([name for name in left if name in ALIASES], replication=REPLICATION in left)
    return [_replication(seen.look) if name == REPLICATION else _database(name, seen) for name in left]


def _database(alias: str, seen: Snapshot) -> Check:
    error = seen.reached[alias].error
    return Check(alias, not error, error)


def _replication(look: Look | None) -> Check:
    """Broken is not ready. Lagging and syncing are, with a warning: every copy of the console sees the same lag."""
    if look is None:
        return Check(REPLICATION, passed=False, said="no look at it has come to an end in the last minute")
    health = look.health
    return Check(REPLICATION, health.verdict is not Verdict.BROKEN, _said(health.verdict, health.problems))


def _said(verdict: Verdict, problems: tuple[Problem, ...]) -> str:
    if verdict is Verdict.OK:
        return ""
    listed = "; ".join(f"{problem.code}: {' '.join(problem.seen.split())}" for problem in problems)
    return without_secrets(f"{verdict}: {listed}")
