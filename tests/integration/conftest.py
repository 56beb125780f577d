"""Fixtures that tests of several modules share."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connections
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from nullstore.admin import outage, watching
from nullstore.admin.lists import counts
from nullstore.databases import ALIASES
from nullstore.replication.connect import connect
from tests.integration.adminpages import superuser
from tests.integration.damage import remove_intruders
from tests.integration.outages import forget
from tests.integration.replicas import AGENTS_SQL, PUBLICATION, SUBSCRIPTION, forwards, resubscribed, unsubscribe
from tests.integration.runtime_roles import ensure


@pytest.fixture(scope="session")
def runtime_roles(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The runtime roles of both databases, made before any test's transaction begins."""
    with django_db_blocker.unblock():
        for alias in ALIASES:
            ensure(alias)
            connections[alias].close()


@pytest.fixture
def client() -> Client:
    """A browser in which a superuser is logged in."""
    return superuser()


@pytest.fixture
def known_to_nobody() -> Iterator[None]:
    """A console that knows nothing of the databases yet, as a process that has just begun."""
    forget()
    yield
    forget()


@pytest.fixture
def look_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every page looks for itself, and nothing is known from before."""
    monkeypatch.setattr(watching, "FRESH", 0.0)
    monkeypatch.setattr(watching, "TASKS_EVERY", 0.0)
    outage.forget()
    yield
    watching.watch.forget()
    outage.forget()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough to count, however busy this machine is."""
    monkeypatch.setattr(counts, "COUNT_TIMEOUT", 30_000)


@pytest.fixture
def unsubscribed(committed_pair: None) -> Iterator[None]:
    """agents without its subscription; with it again at the end."""
    with resubscribed():
        unsubscribe()
        yield


@pytest.fixture
def ordinary_role(committed_pair: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Django's connection to agents logged in as a role that may log in and nothing else."""
    name, password = "ordinary", "of-nobody"
    AGENTS_SQL.run(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    with monkeypatch.context() as patch:
        patch.setitem(connections["agents"].settings_dict, "USER", name)
        patch.setitem(connections["agents"].settings_dict, "PASSWORD", password)
        connections["agents"].close()
        yield name
    connections["agents"].close()
    AGENTS_SQL.run(f"DROP ROLE {name}")


@pytest.fixture
def open_transaction(committed_pair: None) -> Iterator[psycopg.Connection]:
    """A session that has written to erebus and does not commit."""
    with connect("erebus") as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO user_references (source_identifier, network) VALUES ('open', 'email')")
        yield connection
        connection.execute("ROLLBACK")


@pytest.fixture
def damaged_pair(committed_pair: None) -> Iterator[None]:
    """A pair whose replica the test damages; at the end without the users that the source does not have."""
    yield
    remove_intruders()


@pytest.fixture
def made_again(committed_pair: None) -> Iterator[None]:
    """Publication and subscription as declared at the end, whatever the test does to them."""
    try:
        yield
    finally:
        forwards(PUBLICATION, "erebus")
        forwards(SUBSCRIPTION, "agents")
