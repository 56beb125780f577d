"""Opening pages as a browser does, and timing how long the server takes."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory

from nullstore.databases import ALIASES
from nullstore.wsgi import application

#: Seconds after which a page is given up.
PATIENCE = 5
#: A page that takes longer than this (milliseconds) the first time is not visited again.
SLOW = 2_000
#: How pages of ours say that a statement was cut off: then what they show is not what was asked for.
CUT_OFF = ("took longer than",)


class Failed(Exception):
    """A page that did not come, or not whole; says why."""


@dataclass(frozen=True)
class Page:
    """A page to visit. `data` is posted; `stock` is the page of the stock admin that shows the same; `before` is done
    before each visit, untimed.
    """

    area: str
    kind: str
    name: str
    address: str
    data: tuple[tuple[str, str], ...] | None = None
    stock: str | None = None
    before: Callable[[], None] | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return f"{self.area} · {self.kind} · {self.name}"


@dataclass
class Answer:
    """What the server said."""

    status: int = 0
    location: str = ""
    text: str = ""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        """Take the first line and the headers: the start_response of WSGI."""
        self.status, self.location = int(status.split(maxsplit=1)[0]), dict(headers).get("Location", "")


class Visitor:
    """A superuser's browser. Its requests go to the WSGI application; the connections stay open between them.

    Not Django's test client: that leaves some objects behind with each request, and would be measured itself.
    """

    def __init__(self, session: str) -> None:
        request = HttpRequest()
        token = get_token(request)
        cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: request.META["CSRF_COOKIE"]}
        self._requests = RequestFactory(
            SERVER_NAME="localhost",
            HTTP_COOKIE="; ".join(f"{name}={value}" for name, value in cookies.items()),
            HTTP_ORIGIN="https://localhost",
            HTTP_X_CSRFTOKEN=token,
        )

    def _ask(self, address: str, data: tuple[tuple[str, str], ...] | None) -> Answer:
        make = self._requests.get if data is None else self._requests.post
        request = make(address, dict(data) if data else None, secure=True)
        answer = Answer()
        said = application(request.environ, answer.start)
        try:
            answer.text = b"".join(said).decode(errors="replace")
        finally:
            said.close()
        return answer

    def open(self, address: str, data: tuple[tuple[str, str], ...] | None = None) -> Answer:
        """Return the answer. Raises Failed."""
        try:
            with _patience():
                answer = self._ask(address, data)
        except (
            _Overdue,
            Exception,
        ) as error:  # whatever the page raised: it is the result of this page, not the end of the run
            for alias in ALIASES:
                connections[alias].close()
            raise Failed(f"> {PATIENCE} s" if _timed_out(error) else f"{type(error).__name__}: {error}") from error
        # What is posted may be refused: with a message, on the page that it came from.
        if answer.status != 200 and not (data and answer.status == 302):
            raise Failed(f"{answer.status} {answer.location}".strip())
        return answer

    def html(self, address: str) -> str:
        """Return a page as text. Raises Failed."""
        return self.open(address).text

    def times(self, page: Page, *, warm: int, runs: int) -> list[float]:
        """Return the milliseconds that each of `runs` visits took, after `warm` that do not count. Raises Failed."""
        first = self.time(page)
        if first > SLOW:
            return [first]
        for _ in range(warm - 1):
            self.time(page)
        return [self.time(page) for _ in range(runs)]

    def queries(self, page: Page) -> int:
        """Return how many statements the page sends. Raises Failed if one of them was cut off, and the page says so."""
        if page.before:
            page.before()
        with _counted() as statements:
            text = self.open(page.address, page.data).text
        said = next((mark for mark in CUT_OFF if mark in text), None)
        if said:
            raise Failed(f"says: {said}")
        return len(statements)

    def status(self, address: str) -> int:
        """Return the status with which a page answers."""
        return self._ask(address, None).status

    def time(self, page: Page) -> float:
        """Return the milliseconds that one visit took. Raises Failed."""
        if page.before:
            page.before()
        started = time.perf_counter()
        self.open(page.address, page.data)
        return (time.perf_counter() - started) * 1000


@contextmanager
def logged_in() -> Iterator[Visitor]:
    """Return the browser of a superuser who exists for so long, with a password that nobody knows."""
    user = User(username=f"benchmark-{secrets.token_hex(4)}", is_staff=True, is_superuser=True)
    user.set_password(secrets.token_urlsafe())
    user.save()
    client = Client()
    try:
        client.force_login(user)
        yield Visitor(client.cookies[settings.SESSION_COOKIE_NAME].value)
    finally:
        client.logout()
        user.delete()


@contextmanager
def statement_timeout(seconds: int) -> Iterator[None]:
    """Have both databases give statements up after `seconds`, also on connections that are made meanwhile."""
    for alias in ALIASES:
        _close(alias)
        connections[alias].settings_dict["OPTIONS"]["options"] = f"-c statement_timeout={seconds}s"
    try:
        yield
    finally:
        for alias in ALIASES:
            _close(alias)
            del connections[alias].settings_dict["OPTIONS"]["options"]


def _close(alias: str) -> None:
    connections[alias].close()
    if hasattr(connections[alias], "close_pool"):
        connections[alias].close_pool()


@contextmanager
def _counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(note))
        yield statements


class _Overdue(BaseException):
    pass


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(*_: Any) -> None:
        raise _Overdue

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE + 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _timed_out(error: Exception) -> bool:
    return isinstance(error, _Overdue) or getattr(error.__cause__, "sqlstate", None) == "57014"
