"""What a look at replication ends with: problems, and one verdict."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """From good to bad. `exit_code` is what a command returns for it."""

    OK = "ok"
    SYNCING = "syncing"
    LAGGING = "lagging"
    BROKEN = "broken"

    @property
    def rank(self) -> int:
        return list(Verdict).index(self)

    @property
    def exit_code(self) -> int:
        return {Verdict.OK: 0, Verdict.BROKEN: 2}.get(self, 1)


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is one of nullstore.replication.health.codes; `fix` is a command or a statement that can be run as it is,
    with where to run it.
    """

    code: str
    seen: str
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """What could not be looked at, why, and what to do so that it can ("" where nothing helps)."""

    what: str
    why: str
    grant: str
