"""Fixtures of the failover: the faults' pair, a standby of erebus, and a subscription whose slot the standby has."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.failover.standby import Standby, standby_of
from tests.faults.clusters import FaultPair
from tests.faults.conftest import clean_pair, migrated_pair
from tests.faults.console import manage
from tests.faults.faults import SQL

__all__ = ["clean_pair", "migrated_pair"]


@pytest.fixture
def standby(clean_pair: FaultPair) -> Iterator[Standby]:
    """A synchronous standby. The slot of the subscription, made without failover, is not on it."""
    if clean_pair.pair.programs.major < 17:
        pytest.skip("Slots are synchronised to standbys from PostgreSQL 17 on.")
    with standby_of(clean_pair) as standby:
        yield standby


@pytest.fixture
def synced(standby: Standby, settings: Settings) -> Standby:
    """The same, and the subscription that was there was told to keep its slot on the standby, too."""
    settings.REPLICATION_FAILOVER = True
    found = manage("replication status --json").json
    assert [problem["code"] for problem in found["problems"]] == ["subscription_differs"]
    assert found["problems"][0]["fix"] == "manage.py replication resync"
    outcome = manage("replication resync --no-input")
    assert outcome.code == 0, outcome.err + outcome.out
    assert SQL["agents"].value("SELECT subfailover FROM pg_subscription")
    standby.keep_slots()
    return standby
