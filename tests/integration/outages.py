"""A database that is not there, as it is met: nobody listens, or somebody who says nothing, hangs up or freezes."""

import socket
import threading
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


def hang_up(listener: socket.socket, for_good: bool = True) -> None:
    """Take one connection and end it, when it has said what it wants; `for_good` means that nobody listens then."""
    taken, _ = listener.accept()
    taken.recv(1024)
    if for_good:
        listener.close()
    taken.close()


class FrozenAfterLogin:
    """A proxy that lets so many bytes of the server's answers through, and then nothing more."""

    LET_THROUGH = 2000

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> "FrozenAfterLogin":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._target))
        with client, server:
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                server.sendall(data)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        left = self.LET_THROUGH
        while left > 0 and (data := server.recv(left)):
            client.sendall(data)
            left -= len(data)
