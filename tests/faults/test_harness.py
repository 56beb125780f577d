"""What proves that nothing is lost or doubled, shown to see it where it is so."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.byhand import past_the_guard
from tests.faults.clusters import FaultPair
from tests.faults.faults import SQL, differences, doubled
from tests.faults.writers import USERS, Journal, Writer, writing
from tests.integration.replicas import wait_until_replicated


@pytest.fixture
def session(clean_pair: FaultPair) -> Iterator[psycopg.Connection]:
    with clean_pair.server("erebus").connect("erebus") as session:
        yield session


@pytest.fixture
def journal(clean_pair: FaultPair) -> Journal:
    """The journal of a writer who has come to an end."""
    with writing(Writer(lambda: clean_pair.server("erebus").connect("erebus"), "writer-0")) as journal:
        pass
    wait_until_replicated(30)
    return journal


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("UPDATE user_references SET metadata = '{\"n\": -1}' WHERE id = %s", id="changed"),
        pytest.param("DELETE FROM user_references WHERE id = %s", id="gone"),
        pytest.param("UPDATE user_references SET id = gen_random_uuid() WHERE id = %s", id="another"),
    ],
)
def test_a_lost_commit_is_seen(
    clean_pair: FaultPair, journal: Journal, session: psycopg.Connection, damage: str
) -> None:
    journal.check(session)
    row = session.execute(f"{USERS} LIMIT 1").fetchone()
    assert row is not None
    session.execute(damage, [row[0]])
    with pytest.raises(AssertionError):
        journal.check(session)
    clean_pair.dirty = False


def test_a_replica_that_differs_or_got_a_row_twice_is_seen(journal: Journal) -> None:
    assert (differences(), doubled()) == ([], [])
    past_the_guard("UPDATE user_references SET is_active = false WHERE source_identifier = 'user-1'")
    assert len(differences()) == 2  # what the source has, and what the replica has
    SQL["agents"].run("INSERT INTO applied (what, user_id) SELECT what, user_id FROM applied WHERE what = 'INSERT'")
    assert doubled() != []
