"""Of many problems, those that are causes; and how bad they are together."""

from collections.abc import Iterable
from typing import Final

from nullstore.replication.health.codes import CODES
from nullstore.replication.health.verdict import Problem, Verdict

_BY_NAME: Final = {code.name: code for code in CODES}
_ORDER: Final = {code.name: number for number, code in enumerate(CODES)}


def worst(problems: Iterable[Problem]) -> Verdict:
    """Return the verdict of the worst problem; OK of none."""
    return max((_BY_NAME[problem.code].verdict for problem in problems), key=lambda v: v.rank, default=Verdict.OK)


def verdict_of(problem: Problem) -> Verdict:
    """Return how bad the problem is by itself."""
    return _BY_NAME[problem.code].verdict


def roots(problems: Iterable[Problem], pending: frozenset[str] = frozenset()) -> tuple[Problem, ...]:
    """Return the problems in the order of CODES, without those that others which are shown explain.

    `pending` are the codes that the migrations which are not applied yet explain.
    """
    shown: list[Problem] = []
    explained = set(pending)
    for problem in sorted(problems, key=lambda problem: _ORDER[problem.code]):
        if problem.code not in explained:
            shown.append(problem)
            explained |= _BY_NAME[problem.code].explains
    return tuple(shown)
