"""Fixtures of the tests that change the replicated table."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from nullstore.databases import ALIASES
from nullstore.replication.fence import wait_until_replicated
from tests.integration.replicas import TIMEOUT
from tests.integration.schema_changes.changing import NAMES, Changes, databases, take_back
from tests.servers import Pair


@pytest.fixture(scope="package")
def changing_databases(
    pair: Pair, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Changes]:
    """A subscribed pair of databases for these tests alone."""
    changes = Changes(tmp_path_factory.mktemp("changing"))
    with django_db_blocker.unblock(), databases(pair, [NAMES[alias] for alias in ALIASES]):
        with changes.in_use():
            call_command("migrate", verbosity=0)
            wait_until_replicated(TIMEOUT)
        yield changes


@pytest.fixture
def changes(changing_databases: Changes, django_db_blocker: DjangoDbBlocker) -> Iterator[Changes]:
    """That pair in use, and its migrations, to which the test adds; both as before at the end."""
    with django_db_blocker.unblock(), changing_databases.in_use():
        yield changing_databases
        changing_databases.forget()
        take_back()
