"""What four readings of a row prove about it."""

import pytest

from nullstore.replication.compare.settle import Look, Version

#: (transaction, content) of a row; None where it is absent.
Reading = tuple[str, str] | None
SAME, DIFFERENT, OPEN = "same", "different", "not proven"

CASES: dict[str, tuple[Reading, Reading, Reading, Reading, str]] = {
    # held (replica), before (source), replica, after (source)
    "equal": (("r1", "x"), ("s1", "x"), ("r1", "x"), ("s1", "x"), SAME),
    "it was on its way": (None, ("s1", "x"), ("r1", "x"), ("s1", "x"), SAME),
    "a newer version arrived first": (("r1", "x"), ("s1", "x"), ("r2", "y"), ("s2", "y"), SAME),
    "deleted on both sides": (("r1", "x"), None, None, None, SAME),
    "deleted meanwhile": (("r1", "x"), ("s1", "x"), None, None, SAME),
    "different": (("r1", "y"), ("s1", "x"), ("r1", "y"), ("s1", "x"), DIFFERENT),
    "missing": (None, ("s1", "x"), None, ("s1", "x"), DIFFERENT),
    "extra": (("r1", "x"), None, ("r1", "x"), None, DIFFERENT),
    "written twice meanwhile": (("r1", "x"), ("s1", "x"), ("r2", "y"), ("s3", "z"), OPEN),
    "and back again": (("r1", "x"), ("s1", "x"), ("r2", "y"), ("s3", "x"), OPEN),
    "missing, and written meanwhile": (None, ("s1", "x"), None, ("s2", "y"), OPEN),
    "it came and went meanwhile": (None, None, ("r1", "x"), None, OPEN),
    "it came and went twice": (("r1", "x"), None, ("r2", "x"), None, OPEN),
    "being deleted": (("r1", "y"), ("s1", "x"), ("r1", "y"), None, OPEN),
    "being made": (("r1", "y"), None, ("r1", "y"), ("s1", "x"), OPEN),
}


@pytest.mark.parametrize(("held", "before", "replica", "after", "verdict"), CASES.values(), ids=CASES)
def test_verdict(held: Reading, before: Reading, replica: Reading, after: Reading, verdict: str) -> None:
    look = Look(*({"key": Version(at[0], (at[1].encode(),))} if at else {} for at in (held, before, replica, after)))
    found = SAME if look.same("key") else DIFFERENT if look.stays_different("key") else OPEN
    assert found == verdict
