"""The network between the servers: a proxy stands between them, and stops carrying."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.injections import timeouts
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.scenarios import subject
from tests.integration.replicas import wait_for

scenario = subject(__name__, "Network")


@pytest.fixture
def wire(fault: Fault, settings: Settings) -> Iterator[Proxy]:
    """The wire that replication runs over; Django has another one."""
    source = fault.pair.server("erebus")
    with proxy_to(source.host, source.port) as proxy:
        settings.REPLICATION_SOURCE = {"HOST": "127.0.0.1", "PORT": proxy.port}
        fault.manage("migrate agents_app 0004 --verbosity 0")
        fault.manage("migrate agents_app --verbosity 0")
        fault.manage("replication wait --timeout 30")
        yield proxy


@pytest.mark.slow
@scenario(
    "network cut for a moment",
    injected="nothing gets through between the servers, for less than wal_sender_timeout",
)
def test_a_short_cut(fault: Fault, wire: Proxy) -> None:
    with fault.writing() as journal:
        wire.cut()
        carried = wire.bytes
        assert carried > 0
        journal.wait_for_commits(100)
        assert wire.bytes == carried
        wire.heal()
        fault.ends()
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "network cut for long",
    injected="nothing gets through, and nothing is closed, for longer than wal_sender_timeout",
    verdict="broken",
    codes=("slot_inactive",),
)
def test_a_long_cut(fault: Fault, wire: Proxy) -> None:
    timeouts("1s")
    with fault.writing() as journal:
        wire.cut()
        wait_for(lambda: not SQL["erebus"].rows("SELECT FROM pg_stat_replication"))
        fault.shows()
        assert fault.seen[-1]["seconds"] < 20
        # What status advises cannot help here; it must do no harm either.
        assert manage("replication resync --no-input --timeout 3").code == 1
        wire.heal()
        fault.ends()
        fault.equal(journal)
