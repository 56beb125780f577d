"""What people do to the replica past its guard."""

import uuid

import pytest

from tests.faults.faults import SQL, Fault
from tests.faults.scenarios import REPAIR, RESYNC, subject
from tests.integration.replicas import add_user

scenario = subject(__name__, "The replica, changed by hand")


def past_the_guard(statement: str) -> None:
    SQL["agents"].run(f"BEGIN; SET LOCAL session_replication_role = replica; {statement}; COMMIT")


@scenario(
    "a row in the replica that conflicts",
    injected="an INSERT past the guard, then the same id is inserted at the source",
    verdict="broken",
    codes=("conflicts", "apply_errors"),
    codes_15=("apply_errors",),
    mend=RESYNC,
)
def test_a_row_that_conflicts(fault: Fault) -> None:
    key = uuid.uuid4()
    past_the_guard(f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{key}', 'by hand', 'email')")
    with fault.writing() as journal:
        add_user("the real one", id=key)
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
    SQL["agents"].run("ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> 'refused')")
    with fault.writing() as journal:
        SQL["erebus"].insert("user_references", source_identifier="refused", network="refused")
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
    SQL["agents"].run("ALTER TABLE user_references DROP COLUMN preferences")
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
        past_the_guard("UPDATE user_references SET email = 'x@example.com' WHERE source_identifier = 'user-1'")
        past_the_guard("DELETE FROM user_references WHERE source_identifier = 'user-2'")
        past_the_guard("INSERT INTO user_references (source_identifier, network) VALUES ('ghost', 'email')")
        found = fault.differs()
        assert (found["missing"], found["extra"], found["different"]) == (1, 1, 1)
        fault.repair()
        fault.equal(journal)
