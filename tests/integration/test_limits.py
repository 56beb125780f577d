"""A request gives up on a database in time; commands do not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from nullstore.admin import limits
from nullstore.replication.connect import connect
from tests.integration.adminpages import agents, insert_task, page, superuser

TASK = "agents_app.Task"


@pytest.fixture
def client(committed_pair: None) -> Client:
    return superuser()


@pytest.fixture
def locked(committed_pair: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A task, while somebody keeps everybody from reading the table."""
    monkeypatch.setattr(limits, "LOCK", "200ms")
    key = insert_task()
    with connect("agents") as somebody:
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield key
        somebody.execute("ROLLBACK")


@pytest.mark.parametrize("name", ["change", "history", "delete"])
def test_a_page_of_a_table_that_nobody_may_read_says_so(name: str, locked: Any, client: Client) -> None:
    connections["agents"].close()
    response = client.get(page(TASK, name, locked))
    assert response.status_code == 503
    assert "took too long" in response.content.decode()


def test_the_limits_are_those_of_requests_only(client: Client) -> None:
    connections["agents"].close()
    assert agents.value("SHOW statement_timeout") == "0"
    connections["agents"].close()
    client.get(page(TASK, "changelist"))
    assert agents.value("SHOW statement_timeout") == limits.STATEMENT
    connections["agents"].close()


@pytest.fixture
def pooled(client: Client) -> Iterator[None]:
    """One connection to agents, which whoever needs one gets in turn."""
    connection = connections["agents"]
    with pytest.MonkeyPatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict["OPTIONS"], "pool", {"min_size": 1, "max_size": 1, "timeout": 5})
        try:
            yield
        finally:
            connection.close()
            connection.close_pool()


def test_nor_are_they_those_of_who_gets_the_connection_after_a_request(pooled: None, client: Client) -> None:
    pids = set()
    for _ in range(2):
        client.get(page(TASK, "changelist"))
        assert agents.value("SHOW statement_timeout") == limits.STATEMENT
        pids.add(agents.value("SELECT pg_backend_pid()"))
        connections["agents"].close()
        assert (agents.value("SHOW statement_timeout"), agents.value("SHOW lock_timeout")) == ("0", "0")
        pids.add(agents.value("SELECT pg_backend_pid()"))
        connections["agents"].close()
    assert len(pids) == 1
