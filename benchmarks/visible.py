"""A user committed in erebus, and when agents shows it; used by what measures the way between them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from uuid import UUID, uuid4

import psycopg

from benchmarks.pair import Place, run, session, value

#: Seconds. What takes longer is not slow but broken.
PATIENCE = 30.0
#: Seconds for what the writers have left behind.
CATCH_UP = 600.0
#: Seconds between two probes of a session at most: they fall in step with nothing, and are few beside the load.
PAUSE = 0.005

_INSERT = "INSERT INTO user_references (id, source_identifier, network) VALUES (%s, %s, 'probe')"
_SEEN = "SELECT FROM user_references WHERE id = %s"
_REMOVE = """
DELETE FROM user_references WHERE id = ANY(ARRAY(
    SELECT id FROM user_references WHERE network IN ('load', 'probe') LIMIT 10000))
"""


def commit_user(connection: psycopg.Connection) -> UUID:
    """Write one user of the network `probe` on a session in autocommit mode; returns once it is committed."""
    user = uuid4()
    connection.execute(_INSERT, [user, f"probe-{user}"])
    return user


class Watch:
    """Looks for users on one session, as cheaply as can be: binary, and prepared where the session allows that."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._cursor = psycopg.Cursor(connection)

    def sees(self, user: UUID) -> bool:
        return self._cursor.execute(_SEEN, [user], prepare=True, binary=True).rowcount == 1

    def wait(self, user: UUID, patience: float = PATIENCE) -> None:
        """Ask without a pause until the user is there. Raises TimeoutError after `patience` seconds."""
        deadline = time.perf_counter() + patience
        while not self.sees(user):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"User {user} is not on the replica after {patience:.0f} s.")


def load_name(rate: int | None) -> str:
    """Return how the load of benchmarks.load.writes() is named in results."""
    if rate is None:
        return "as many writes as can be"
    return f"{rate:,} writes/s" if rate else "idle"


def turns(names: Sequence[str], rounds: int, *, warm: int = 1) -> Iterator[tuple[str, bool]]:
    """Yield each name once a round, and whether that round counts; every other round goes backwards."""
    for number in range(warm + rounds):
        for name in names[:: 1 if number % 2 else -1]:
            yield name, number >= warm


@contextmanager
def written_is_removed() -> Iterator[None]:
    """At the end, however it comes, take away the users of probes and load, from the replica too."""
    try:
        yield
    finally:
        remove_written()


def remove_written() -> None:
    """Delete the users of the networks `probe` and `load`; returns once the replica has followed."""
    from nullstore.replication.fence import wait_until_replicated

    with closing(session("erebus")) as connection:
        while connection.execute(_REMOVE).rowcount:
            pass
    wait_until_replicated(CATCH_UP)
    settle_tables()


def settle_tables(place: Place | None = None) -> None:
    """Vacuum and analyze both tables, so that autovacuum does not do it in the middle of a measurement."""
    for alias in ("erebus", "agents"):
        run(alias, "VACUUM (ANALYZE) user_references", place)


def refuse_difference(place: Place | None = None) -> None:
    """Raise RuntimeError if the replica, which has caught up, has another number of users than the source."""
    source, replica = (value(alias, "SELECT count(*) FROM user_references", place) for alias in ("erebus", "agents"))
    if source != replica:
        raise RuntimeError(f"The replica has {replica:,} users and the source {source:,}.")
