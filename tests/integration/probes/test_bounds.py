"""Probes of servers that are dead, or that say nothing from some moment on: an answer within the time promised."""

import contextlib
import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connections

from nullstore.databases import AGENTS, EREBUS
from tests.faults.proxy import Proxy
from tests.integration.outages import frozen, without
from tests.integration.probes.scrapes import Samples, forget, get, parsed, scrape, value
from tests.integration.replicas import wait_for

pytestmark = pytest.mark.usefixtures("committed_pair")
#: Seconds: what docs/reference/probes.md promises, and what a busy machine may add to it.
PROMISED, BUSY = 4.0, 1.0
BOTH = (EREBUS, AGENTS)
Fault = Callable[[str], AbstractContextManager[None]]


class SilentAfterLogin(Proxy):
    """Lets a session be opened; what is said in it then arrives nowhere, as with a backend that was stopped."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target)
        self.silent: list[socket.socket] = []

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # what it is, Proxy learns and knows what to do about
            # ReadyForQuery is the last thing that the server says of a login.
            last = b"Z\x00\x00\x00\x05I"
            if source.getpeername()[1] == self.target[1] and source.recv(65536, socket.MSG_PEEK).endswith(last):
                self._selector.unregister(target)
                self.silent.append(target)
        super()._carry(source, target)

    def end(self) -> None:
        super().end()
        for each in self.silent:
            each.close()


@contextmanager
def stopped_after_login(alias: str) -> Iterator[None]:
    place = connections[alias].settings_dict
    proxy = SilentAfterLogin((place["HOST"], int(place["PORT"])))
    proxy.start()
    try:
        with without(alias, proxy.port):
            yield
    finally:
        proxy.end()


def timed(act: Callable[[], Samples]) -> tuple[Samples, float]:
    began = time.monotonic()
    return act(), time.monotonic() - began


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.mark.parametrize(
    ("fault", "down"),
    [
        pytest.param(without, (EREBUS,), id="erebus-dead"),
        pytest.param(without, (AGENTS,), id="agents-dead"),
        pytest.param(without, BOTH, id="both-dead"),
        pytest.param(frozen, (EREBUS,), id="erebus-frozen", marks=pytest.mark.slow),
        pytest.param(frozen, (AGENTS,), id="agents-frozen", marks=pytest.mark.slow),
        pytest.param(frozen, BOTH, id="both-frozen", marks=pytest.mark.slow),
        pytest.param(stopped_after_login, (EREBUS,), id="erebus-stopped-after-login", marks=pytest.mark.slow),
        pytest.param(stopped_after_login, BOTH, id="both-stopped-after-login", marks=pytest.mark.slow),
    ],
)
def test_the_answer_comes_in_time(fault: Fault, down: tuple[str, ...]) -> None:
    with ExitStack() as stack:
        for alias in down:
            stack.enter_context(fault(alias))
        found, seconds = timed(scrape)
        assert seconds < PROMISED + BUSY
        assert [value(found, "pg_up", server=alias) for alias in BOTH] == [alias not in down for alias in BOTH]
        began = time.monotonic()
        response = get("/readyz")
        assert time.monotonic() - began < PROMISED + BUSY
        assert response.status_code == 503
        for alias in down:
            assert f"[-]{alias} failed: reason withheld" in response.content.decode()
        began = time.monotonic()
        assert get("/livez").status_code == 200
        assert time.monotonic() - began < BUSY


def test_what_is_excluded_is_not_waited_for() -> None:
    """Whoever leaves replication out need not wait for a look at it, which takes long when it is broken."""
    with frozen(AGENTS):
        began = time.monotonic()
        response = get("/readyz?exclude=agents&exclude=replication")
        assert time.monotonic() - began < BUSY
        assert response.status_code == 200


def test_a_first_server_that_says_nothing_leaves_time_for_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several in the URL, as after a failover: the one that was lost comes first."""
    place = connections[EREBUS].settings_dict
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        monkeypatch.setitem(place, "PORT", f"{listener.getsockname()[1]},{place['PORT']}")
        monkeypatch.setitem(place, "HOST", f"{place['HOST']},{place['HOST']}")
        connections[EREBUS].close()
        response = get("/readyz?exclude=agents&exclude=replication")
        assert response.status_code == 200, response.content.decode()
    connections[EREBUS].close()


@pytest.fixture
def no_collection() -> Iterator[None]:
    """A web process collects what refers to itself seldom: nothing may depend on it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def open_sockets() -> int:
    found = 0
    for entry in os.scandir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of scandir itself
            found += Path(entry).readlink().name.startswith("socket:")
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("no_collection")
def test_probes_of_frozen_servers_leave_no_connection_behind() -> None:
    get("/readyz")  # what is opened once
    with frozen(EREBUS), frozen(AGENTS):
        before = open_sockets()
        for _ in range(2):
            forget()
            assert get("/readyz").status_code == 503
        forget()
        wait_for(lambda: open_sockets() <= before)


@pytest.mark.slow
def test_many_probes_of_frozen_servers_leave_a_few_threads_behind() -> None:
    before = threading.active_count()
    with frozen(EREBUS), frozen(AGENTS):
        for _ in range(3):
            with ThreadPoolExecutor(10) as pool:
                assert {answer.status_code for answer in pool.map(lambda _: get("/readyz"), range(10))} == {503}
        assert threading.active_count() - before < 12


def test_those_who_ask_at_once_get_one_look() -> None:
    # Each thread of the pool has Django's connections to itself, and closes what it opened: none.
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: get("/metrics"), range(8)))
    seen = {value(parsed(answer), "nullstore_replication_look_timestamp_seconds") for answer in answers}
    assert len(seen) == 1
