"""A database that is not there, as the console meets it: nobody listens, or somebody who says nothing."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from django.db import connections
from django.http import HttpResponse

from nullstore.admin import outage, staff, start
from nullstore.admin.watching import watch
from tests.servers import PASSWORD, free_ports


def forget() -> None:
    """Have the console know nothing, as a process that has just begun."""
    for each in (outage, watch, start):
        each.forget()
    staff.forget_all()


@contextmanager
def without(alias: str, port: int | None = None) -> Iterator[None]:
    """Have nobody listen where the database of `alias` is said to be, or whoever has `port`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections[alias].settings_dict, "PORT", port or free_ports(1)[0])
        connections[alias].close()
        try:
            yield
        finally:
            connections[alias].close()


@contextmanager
def frozen(alias: str) -> Iterator[None]:
    """A server that takes connections and never says a word, as one whose processes are stopped."""
    with socket.socket() as listener, pytest.MonkeyPatch.context() as patch:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        patch.setitem(connections[alias].settings_dict["OPTIONS"], "connect_timeout", 2)
        with without(alias, listener.getsockname()[1]):
            yield


def text(response: HttpResponse) -> str:
    return unescape(response.content.decode())


def place(alias: str) -> str:
    return "{HOST}:{PORT}".format(**connections[alias].settings_dict)


def assert_says(response: HttpResponse, status: int, *words: str) -> None:
    """The page is in the frame, says this, and holds neither a traceback nor a password."""
    said = text(response)
    assert response.status_code == status
    assert [word for word in words if word not in said] == []
    assert "nullstore · test" in said
    assert "Traceback" not in said
    assert PASSWORD not in said
