"""Servers of which there are two: an older state put back, a copy that is started."""

import pytest

from tests.faults.faults import SQL, Fault
from tests.faults.injections import copy_on_the_slot
from tests.faults.scenarios import REPAIR, RESYNC, subject
from tests.integration.replicas import add_user, wait_until_replicated

scenario = subject(__name__, "Copies and older states")


def roll_back(fault: Fault) -> None:
    """Replace the source's data by how they were before 5,000 users were written and replicated."""
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'lost-' || n, 'email' FROM generate_series(1, 5000) AS n"
    )
    wait_until_replicated(30)
    fault.pair.stop("erebus")
    fault.pair.put_back("erebus", "pristine")
    fault.pair.start("erebus")


@pytest.mark.slow
@scenario(
    "source rolled back to an older state",
    injected="the data directory of erebus replaced by an earlier copy, and the server started",
    verdict="broken",
    codes=("source_rolled_back",),
    mend=RESYNC,
)
def test_the_source_is_rolled_back(fault: Fault) -> None:
    roll_back(fault)
    add_user("after")
    problems = fault.shows()
    with fault.writing() as journal:
        fault.mend(problems["source_rolled_back"])
        fault.equal(journal)
    assert lost() == 0


@pytest.mark.slow
@scenario(
    "source rolled back, and written to until it is ahead again",
    injected="the same; then more is written than was lost, before anybody looks",
    mend=REPAIR,
)
def test_a_rolled_back_source_is_ahead_again(fault: Fault) -> None:
    """What was passed over is seen by a comparison of content only: the positions are in order again."""
    roll_back(fault)
    add_user("passed over")
    SQL["erebus"].run("SELECT pg_logical_emit_message(false, 'test', repeat('x', 16000000))")
    with fault.writing() as journal:
        found = fault.differs()
        assert (found["missing"], found["extra"]) == (1, 5000)
        fault.repair()
        fault.equal(journal)
    assert lost() == 0


def lost() -> int:
    """How many of the users that the source does not have any more are in the replica."""
    count: int = SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier LIKE 'lost-%%'")
    return count


@pytest.mark.slow
@scenario(
    "a copy of agents started on the same slot",
    injected="a copy of the data directory of agents started on another port; it takes changes away",
    verdict="broken",
    codes=("slot_taken",),
    mend="In that copy: ALTER SUBSCRIPTION agents_user_sync DISABLE; then manage.py replication resync --anew",
)
def test_a_copy_of_agents(fault: Fault) -> None:
    with copy_on_the_slot(fault) as session, fault.writing() as journal:
        fault.says(fault.shows()["slot_taken"])
        session.execute("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        fault.ends()
        fault.manage("replication resync --anew --no-input")
        fault.equal(journal)
