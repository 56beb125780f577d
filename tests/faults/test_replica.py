"""What people do to the replica past its guard."""

import pytest

from tests.faults.byhand import change_rows_by_hand, conflict, drop_column, refuse_a_row
from tests.faults.faults import Fault
from tests.faults.scenarios import REPAIR, RESYNC, subject

scenario = subject(__name__, "The replica, changed by hand")


@scenario(
    "a row in the replica that conflicts",
    injected="an INSERT past the guard, then the same id is inserted at the source",
    verdict="broken",
    codes=("conflicts", "apply_errors"),
    codes_15=("apply_errors",),
    mend=RESYNC,
)
def test_a_row_that_conflicts(fault: Fault) -> None:
    with fault.writing() as journal:
        conflict()
        fault.mend(fault.shows()["apply_errors"])
        fault.equal(journal)
    fault.left_as_it_was()


@pytest.mark.slow
@scenario(
    "a CHECK on the replica",
    injected="ALTER TABLE ... ADD CHECK on the replica, then a row that breaks it",
    verdict="broken",
    codes=("apply_errors",),
    mend="agents: ALTER TABLE user_references DROP CONSTRAINT by_hand",
)
def test_a_check_constraint(fault: Fault) -> None:
    with fault.writing() as journal:
        refuse_a_row()
        fault.mend(fault.shows()["apply_errors"])
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "a column dropped on the replica",
    injected="ALTER TABLE user_references DROP COLUMN preferences on agents",
    verdict="broken",
    codes=("columns_differ",),
    mend='agents: ALTER TABLE public.user_references ADD COLUMN "preferences" jsonb; then manage.py replication resync',
)
def test_a_dropped_column(fault: Fault) -> None:
    drop_column()
    with fault.writing() as journal:
        fault.mend(fault.shows()["columns_differ"])
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "rows of the replica changed by hand",
    injected="UPDATE, DELETE and INSERT past the guard; replication goes on as if nothing were wrong",
    mend=REPAIR,
)
def test_rows_changed_by_hand(fault: Fault) -> None:
    """Status cannot see it: only a comparison of content does."""
    with fault.writing() as journal:
        change_rows_by_hand()
        found = fault.differs()
        assert (found["missing"], found["extra"], found["different"]) == (1, 1, 1)
        fault.repair()
        fault.equal(journal)
