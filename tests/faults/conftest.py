"""Fixtures of the faults: a pair of servers of their own, as good as new for each test, and what a scenario needs."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from tests.faults.clusters import FaultPair, fault_pair, in_django
from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.prepared import prepare
from tests.faults.report import MAJORS, write


@pytest.fixture(scope="session")
def migrated_pair(django_db_blocker: DjangoDbBlocker) -> Iterator[FaultPair]:
    """Both databases migrated, with some users, and kept as `pristine`."""
    with fault_pair() as pair:
        with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, in_django(pair, patch):
            prepare()
        pair.stop("agents")
        pair.stop("erebus")
        for alias in ("erebus", "agents"):
            pair.keep(alias, "pristine")
        pair.dirty = True
        yield pair


@pytest.fixture
def clean_pair(
    migrated_pair: FaultPair, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultPair]:
    """The pair as it was before the first fault, and Django's aliases pointing at it."""
    with django_db_blocker.unblock(), in_django(migrated_pair, monkeypatch):
        if migrated_pair.dirty:
            migrated_pair.restore()
            assert manage("replication wait --timeout 30").code == 0
        else:
            empty()
        migrated_pair.dirty = True
        yield migrated_pair
        connections.close_all()


def empty() -> None:
    """Take away what the test before wrote, and the record of what was applied."""
    SQL["agents"].run("DELETE FROM tasks")
    SQL["erebus"].run("DELETE FROM user_references WHERE source_identifier NOT LIKE 'user-%%'")
    assert manage("replication wait --timeout 30").code == 0
    SQL["agents"].run("DELETE FROM applied")


@pytest.fixture
def fault(clean_pair: FaultPair, request: pytest.FixtureRequest) -> Fault:
    """The scenario that the test's mark declares."""
    mark = request.node.get_closest_marker("scenario")
    return Fault(mark.args[0], clean_pair)


#: The seconds of each scenario that passed, and the version of PostgreSQL.
MEASURED = pytest.StashKey[dict[str, float]]()
MAJOR = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-report", action="store_true", help="Write docs/reference/faults.md from this run.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, Any]:
    """Note the time of a scenario that passed; show what the servers said about one that failed."""
    report = yield
    fault = getattr(item, "funcargs", {}).get("fault")
    if fault is not None and report.when == "call":
        if report.failed:
            report.sections.append(("What the servers said", fault.pair.said()))
        elif report.passed:
            assert fault.seconds is not None
            item.config.stash[MEASURED][fault.scenario.name] = fault.seconds
            item.config.stash[MAJOR] = fault.major
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    stash = session.config.stash
    if session.config.getoption("--write-report", default=False) and stash[MEASURED] and stash[MAJOR] in MAJORS:
        write(stash[MEASURED], stash[MAJOR])
