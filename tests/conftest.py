"""Fixtures of all tests. Real servers, two databases, real replication; see tests/servers.py."""

from collections.abc import Generator, Iterator

import pytest
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from django.test.utils import setup_databases
from pytest_django.plugin import DjangoDbBlocker

from nullstore.databases import ALIASES, EREBUS
from nullstore.replication.fence import wait_until_replicated
from tests.servers import PORTS, Pair, running_pair

#: Where the aliases lead once the test databases are there.
_HOME: dict[str, tuple[str, ...]] = {}
_KEPT = ("django_migrations", "django_content_type", "auth_permission")


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """The pair of PostgreSQL servers of this test run."""
    with running_pair(PORTS) as servers:
        yield servers


@pytest.fixture(scope="session")
def django_db_setup(pair: Pair, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Make both test databases by migrating them, whichever tests run: agents cannot do without erebus.

    They are not dropped at the end, they go with their servers.
    """
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False, aliases=set(ALIASES), serialized_aliases=set())
    _HOME.update(_places())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """A test that leaves an alias leading to another database fails itself, and not those that come after it."""
    yield
    assert not _HOME or _places() == _HOME


def _places() -> dict[str, tuple[str, ...]]:
    named = ("HOST", "PORT", "NAME", "USER")
    return {alias: tuple(str(connections[alias].settings_dict[name]) for name in named) for alias in ALIASES}


@pytest.fixture
def committed_pair(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Both databases without a transaction around the test, so that what it commits replicates. Empty, and emptied.

    Not pytest-django's transactional tests: Django's flush uses TRUNCATE, which is refused on replicated tables.
    """
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close()
            empty_pair()


@pytest.fixture
def committed_erebus(committed_pair: None) -> None:
    """committed_pair, for tests that need only erebus."""


@pytest.fixture
def committed_agents(committed_pair: None) -> None:
    """committed_pair, for tests that need only agents."""


def empty_pair() -> None:
    """Delete all rows of both databases, and wait until replication has followed."""
    # Tasks before users: a deleted user's arrival updates his tasks, and both at once is a deadlock.
    for alias in reversed(ALIASES):
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            # Passes foreign keys in any order, and the guard; replication carries it all the same.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in connections[alias].introspection.table_names(cursor):
                if table not in _KEPT and not (alias != EREBUS and table == "user_references"):
                    _empty(cursor, table)
    wait_until_replicated(timeout=30)


def _empty(cursor: CursorWrapper, table: str) -> None:
    cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}")')
    if cursor.fetchone() == (False,):
        return
    # Append-only tables refuse even replication's role; only their owner gets past, and only like this.
    cursor.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A' AND NOT tgisinternal", [table]
    )
    always = [name for (name,) in cursor.fetchall()]
    for name in always:
        cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER "{name}"')
    cursor.execute(f'DELETE FROM "{table}"')
    for name in always:
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"')
