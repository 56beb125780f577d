"""A pooler that does not answer, in front of servers that do: who gets there, and who says that pages do not."""

from collections.abc import Iterator

import pytest
from django.db import connections
from pytest_django import Settings

from nullstore.admin import outage
from nullstore.databases import ALIASES
from nullstore.exceptions import DatabaseUnavailable
from nullstore.probes import reach
from nullstore.replication.compare.runs import recorded
from nullstore.replication.connect import address_of, connect, connect_as_django
from nullstore.replication.health import health
from nullstore.replication.lock import alone
from tests.servers import free_ports

pytestmark = pytest.mark.usefixtures("committed_pair", "known_to_nobody")


@pytest.fixture
def dead_pooler(committed_pair: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address, to which Django's settings lead; the owner's URLs lead to the servers, without an owner."""
    (port,) = free_ports(1)
    settings.OWNER_DATABASES = {
        alias: {**connections[alias].settings_dict, "USER": "", "PASSWORD": "", "OPTIONS": {}} for alias in ALIASES
    }
    reach.forget()
    with monkeypatch.context() as patch:
        for alias in ALIASES:
            connections[alias].close()
            patch.setitem(connections[alias].settings_dict, "PORT", port)
        yield f"127.0.0.1:{port}"
        for alias in ALIASES:
            connections[alias].close()
    reach.forget()


def test_connections_of_our_own_get_to_the_servers(dead_pooler: str) -> None:
    for alias in ALIASES:
        with connect(alias) as connection, alone(alias, "of this test"):
            assert address_of(alias) == f"127.0.0.1:{connection.info.port}"
    seen = health(0.5)
    assert seen.verdict == "ok"
    assert dead_pooler not in str(seen.as_json())


def test_pages_and_probes_are_told_that_the_pooler_is_down(dead_pooler: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=f"erebus at {dead_pooler}"):
        connect_as_django("erebus")
    assert outage.look() == list(ALIASES)
    assert [each.up for each in reach.reach(ALIASES).values()] == [False, False]


def test_a_comparison_that_cannot_be_recorded_says_why(dead_pooler: str) -> None:
    with pytest.raises(Exception, match=dead_pooler.rpartition(":")[2]), recorded("ada", {}):
        pass
