"""The primary of erebus is killed under load, its standby is promoted, and agents goes on with it: nothing is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connections

from nullstore.localdb.server import LocalServer
from tests.failover.standby import Standby, place_of
from tests.faults.console import manage
from tests.faults.faults import SQL, differences, doubled
from tests.faults.writers import Journal, Writer, writing
from tests.integration.replicas import add_user, wait_for

pytestmark = pytest.mark.slow

RECONNECT = "manage.py replication reconnect"
WRITERS = 4


class Source:
    """Where applications and Django find erebus."""

    def __init__(self, patch: pytest.MonkeyPatch, server: LocalServer) -> None:
        self.patch = patch
        self.server = server

    def is_now(self, *servers: LocalServer) -> None:
        """Change EREBUS_DATABASE_URL; of several servers the one that can be written is taken."""
        self.server = servers[-1]
        place: dict[str, Any] = place_of(*servers)
        if len(servers) > 1:
            options = connections["erebus"].settings_dict["OPTIONS"]
            place["OPTIONS"] = {**options, "target_session_attrs": "read-write"}
        for name, value in place.items():
            self.patch.setitem(connections["erebus"].settings_dict, name, value)
        connections["erebus"].close()

    @contextmanager
    def under_load(self) -> Iterator[Journal]:
        names = (f"writer-{number}" for number in range(WRITERS))
        with writing(*(Writer(self.writable, name) for name in names)) as journal:
            yield journal

    def writable(self) -> psycopg.Connection:
        """A session of a writer, who passes a standby over."""
        return self.server.connect("erebus", target_session_attrs="read-write")


@pytest.fixture
def source(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> Source:
    return Source(monkeypatch, standby.primary)


def problems() -> dict[str, dict[str, Any]]:
    return {problem["code"]: problem for problem in manage("replication status --json").json["problems"]}


def well(deadline: Callable[[Callable[[], bool]], None] = wait_for) -> None:
    """Status comes to say ok, and verify says equal."""
    deadline(lambda: manage("replication status --json").code == 0)
    outcome = manage("replication verify --json")
    assert outcome.code == 0, outcome.out + outcome.err
    assert outcome.json["equal"] is True


def everything_arrived_once(journal: Journal, server: LocalServer) -> None:
    assert manage("replication wait --timeout 30").code == 0
    with server.connect("erebus") as connection:
        journal.check(connection)
    assert differences() == []
    assert doubled() == []


def test_the_subscriber_follows_the_promoted_standby(synced: Standby, source: Source) -> None:
    with source.under_load() as journal:
        synced.pair.crash("erebus")
        found = problems()["publisher_unreachable"]
        assert "promote its standby" in found["fix"]
        assert RECONNECT in found["fix"]

        source.is_now(synced.server)
        found = problems()["publisher_unreachable"]
        assert found["cause"] == "It is a standby that has not been promoted."
        outcome = manage("replication reconnect")
        assert outcome.code == 2
        assert "has not been promoted" in outcome.err

        synced.promote()
        journal.wait_for_commits()
        found = problems()["connection_differs"]
        assert list(problems()) == ["connection_differs"]
        assert found["fix"] == RECONNECT

        rehearsed = manage("replication reconnect --dry-run --json")
        assert rehearsed.code == 0, rehearsed.err
        assert (rehearsed.json["changes"], rehearsed.json["changed"]) == (True, False)
        assert list(problems()) == ["connection_differs"]
        slot = SQL["agents"].value("SELECT subslotname FROM pg_subscription")
        outcome = manage("replication reconnect")
        assert outcome.code == 0, outcome.err
        assert f"127.0.0.1:{synced.server.port}, slot {slot}" in outcome.out

        journal.wait_for_commits()
        journal.stop()
        everything_arrived_once(journal, synced.server)
    well()
    assert SQL["agents"].value("SELECT subslotname FROM pg_subscription") == slot
    assert "nothing was changed" in manage("replication reconnect").out


def test_with_both_servers_in_its_url_the_subscriber_follows_by_itself(synced: Standby, source: Source) -> None:
    source.is_now(synced.primary, synced.server)
    assert list(problems()) == ["connection_differs"]
    assert manage("replication reconnect").code == 0
    source.server = synced.primary
    with source.under_load() as journal:
        synced.pair.crash("erebus")
        source.server = synced.server
        synced.promote()
        journal.wait_for_commits()
        wait_for(lambda: manage("replication status --json").code == 0)
        journal.stop()
        everything_arrived_once(journal, synced.server)
    well()


def test_while_the_standby_is_down_status_says_what_is_waited_for(
    synced: Standby, source: Source, settings: Any
) -> None:
    settings.NULLSTORE_LAG_THRESHOLD = 0.2
    synced.server.stop()
    # Commits of this session do not wait for the standby, as those of the others do.
    with synced.primary.connect("erebus") as session:
        session.execute("SET synchronous_commit = local")
        session.execute("INSERT INTO user_references (source_identifier, network) VALUES ('user-late', 'email')")
    SQL["erebus"].run("SET synchronous_commit = local")
    wait_for(lambda: "synchronized_standby_slots" in problems().get("lagging", {}).get("cause", ""))
    assert "Start that standby" in problems()["lagging"]["fix"]
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'user-late'") == 0
    synced.server.start(synced.pair.pair.programs)
    well()
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'user-late'") == 1


def test_a_standby_without_the_slot_needs_a_resync(standby: Standby, source: Source) -> None:
    with source.under_load() as journal:
        standby.pair.crash("erebus")
        standby.promote()
        source.is_now(standby.server)
        journal.wait_for_commits()
        found = problems()
        assert found["slot_missing"]["fix"] == "manage.py replication resync"
        assert "connection_differs" not in found
        outcome = manage("replication reconnect")
        assert outcome.code == 2
        assert "Run: manage.py replication resync" in outcome.err
        outcome = manage("replication resync --no-input")
        assert outcome.code == 0, outcome.err
        journal.wait_for_commits()
        journal.stop()
        everything_arrived_once(journal, standby.server)
    well()


def test_a_standby_that_had_less_than_the_subscriber_is_not_just_followed(synced: Standby, source: Source) -> None:
    """Without the two promises of PostgreSQL: the replica has users whom the promoted server never had."""
    with synced.primary.connect() as connection:
        for name in ("synchronous_standby_names", "synchronized_standby_slots"):
            connection.execute(f"ALTER SYSTEM RESET {name}".encode())
        connection.execute("SELECT pg_reload_conf()")
    synced.server.stop()
    add_user("user-of-the-lost")
    assert manage("replication wait --timeout 30").code == 0
    synced.pair.crash("erebus")
    synced.server.start(synced.pair.pair.programs)
    synced.promote()
    source.is_now(synced.server)
    with source.under_load() as journal:
        journal.wait_for_commits(100)  # its WAL is longer by now than what the replica has applied
        outcome = manage("replication reconnect")
        assert outcome.code == 2
        assert "Run: manage.py replication resync" in outcome.err
        outcome = manage("replication resync --anew --no-input")
        assert outcome.code == 0, outcome.err
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'user-of-the-lost'") == 0
    well()
