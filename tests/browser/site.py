"""The console, served to a browser, with people of each role and a sample in both databases."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.models import Group, User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.test.testcases import LiveServerThread
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from erebus_app.models import AgentApiKey
from erebus_app.services.keys import add_key, revoke_key
from nullstore.actor import Actor
from nullstore.replication.fence import wait_until_replicated
from tests.conftest import empty_pair

#: Everybody who tries the console, by the name of the group; None is a superuser.
PEOPLE: Final[dict[str, str | None]] = {
    "root": None,
    "vera": "Viewer",
    "olaf": "Operator",
    "kim": "Key custodian",
}


@dataclass(frozen=True)
class Site:
    """Where the console is, and the password of everybody in PEOPLE."""

    url: str
    password: str


@dataclass
class Visit:
    """A page that somebody has open, and what the browser complained of."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


@contextmanager
def running_site() -> Iterator[Site]:
    """Fill the databases, serve the site on a free port, and empty the databases at the end."""
    password = secrets.token_urlsafe()
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    try:
        _fill(password)
        server.daemon = True
        server.start()
        server.is_ready.wait()
        if server.error:
            raise server.error
        yield Site(f"http://127.0.0.1:{server.port}", password)
    finally:
        server.terminate()
        empty_pair()


def _fill(password: str) -> None:
    call_command("ensure_groups", verbosity=0)
    for name, group in PEOPLE.items():
        user = User.objects.create_user(name, password=password, is_staff=True, is_superuser=group is None)
        user.groups.set(Group.objects.filter(name=group))
    call_command("sample_data", users=200, tasks=300, engrams=200, seed=1, verbosity=0)
    _retire_a_key()
    wait_until_replicated(timeout=30)


def _retire_a_key() -> None:
    """Only a revoked key can be deleted, and the sample has none."""
    key = AgentApiKey(agent_name="retired", provider="groq")
    add_key(key, secrets.token_urlsafe(), Actor("root"))
    revoke_key(key.pk, Actor("root", "retired"))
