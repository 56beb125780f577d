"""What is around every page: the installation, the verdict on replication, where the databases are."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission, User
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from nullstore.admin import errors, frame, outage, watching
from nullstore.admin.watching import Look, Watch
from nullstore.replication.health import Health, Verdict, health
from tests.integration.adminpages import page, superuser, viewer
from tests.integration.replicas import wait_for
from tests.servers import PASSWORD, PORTS

pytestmark = [
    pytest.mark.django_db(databases=["erebus", "agents"]),
    pytest.mark.usefixtures("known_to_nobody"),
]

START, LOGIN = "/admin/", "/admin/login/"


@pytest.fixture(scope="module")
def seen(django_db_setup: None) -> Health:
    return health(count_tasks=False)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.forget()


class Slow:
    """A look that ends when it is let, and fails if it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seen: Health) -> None:
        self.seen, self.calls, self.fails = seen, 0, False
        self.go_on = threading.Event()
        monkeypatch.setattr(watching, "health", self)

    def __call__(self, **options: object) -> Health:
        self.calls += 1
        self.go_on.wait(10)
        if self.fails:
            raise OSError("no")
        return replace(self.seen, seconds=self.calls)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, seen: Health) -> Slow:
    return Slow(monkeypatch, seen)


def has_seen(monkeypatch: pytest.MonkeyPatch, seen: Health, verdict: Verdict, age: float = 0.0) -> None:
    """Have the badge show this verdict, from so many seconds ago, however long the page takes."""
    look = Look(replace(seen, verdict=verdict), timezone.now(), time.monotonic())
    monkeypatch.setattr(Look, "age", age)
    monkeypatch.setattr(watching.watch, "glance", lambda: look)


def content(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("production", "red"),
        ("PROD", "red"),
        ("staging", "amber"),
        ("development", "green"),
        ("test", "blue"),
        ("berlin", "grey"),
    ],
)
def test_the_installation_has_a_name_and_its_colour(name: str, colour: str, client: Client, settings: Settings) -> None:
    settings.NULLSTORE_ENVIRONMENT = name
    said = content(client, START)
    assert re.search(rf'class="ns-env ns-env-{colour}">.*{name}</div>', said)


def test_the_colour_can_be_chosen(client: Client, settings: Settings) -> None:
    settings.NULLSTORE_ENVIRONMENT_COLOUR = "purple"
    assert 'class="ns-env ns-env-purple"' in content(client, START)


def test_a_name_is_text(client: Client, settings: Settings) -> None:
    settings.NULLSTORE_ENVIRONMENT = "<b>prod</b>"
    assert "<b>prod" not in content(client, START)


@pytest.mark.parametrize("who", [superuser, viewer])
def test_staff_see_where_the_databases_are(who: object) -> None:
    client = who()  # type: ignore[operator]
    for address in (START, page("agents_app.Task", "changelist"), "/admin/password_change/"):
        said = content(client, address)
        assert f"<dt>erebus</dt><dd>127.0.0.1:{PORTS[0]}</dd>" in said
        assert f"<dt>agents</dt><dd>127.0.0.1:{PORTS[1]}</dd>" in said
        assert PASSWORD not in said
        assert "postgres:" not in said


@pytest.mark.parametrize("address", [LOGIN, f"{LOGIN}?next=/admin/", "/nothing/", "/admin/agents_app/task/"])
def test_others_see_neither_places_nor_the_verdict(address: str, seen: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    has_seen(monkeypatch, seen, Verdict.BROKEN)
    for response in (Client().get(address, follow=True), Client().post(address, follow=True)):
        said = response.content.decode()
        assert "nullstore · test" in said
        assert "127.0.0.1" not in said
        assert not re.search("broken|verdict|replication", said)


def test_nor_does_somebody_who_is_no_staff(django_user_model: type) -> None:
    client = Client()
    client.force_login(django_user_model.objects.create_user("guest"))  # type: ignore[attr-defined]
    said = client.get(START, follow=True).content.decode()
    assert "127.0.0.1" not in said
    assert "ns-verdict" not in said


@pytest.mark.parametrize("address", [START, page("agents_app.Task", "changelist"), "/admin/nothing/"])
def test_nor_does_somebody_of_the_staff_who_may_not_see_replication(
    address: str, seen: Health, django_user_model: type[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_seen(monkeypatch, seen, Verdict.BROKEN)
    monkeypatch.setattr(outage, "fails", lambda alias: False)
    client = Client()
    user = django_user_model.objects.create_user("newcomer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_task"))
    client.force_login(user)
    said = client.get(address).content.decode()
    assert "newcomer" in said
    assert "127.0.0.1" not in said
    assert not re.search("broken|ns-verdict|/admin/replication/", said)


def test_an_outage_is_told_to_them_without_the_place(
    django_user_model: type[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "fails", lambda alias: alias == "agents")
    client = Client()
    client.force_login(django_user_model.objects.create_user("newcomer", is_staff=True))
    said = client.get(START).content.decode()
    assert "<strong>agents does not answer.</strong>" in said
    assert "127.0.0.1" not in said
    missing = errors.unavailable(request_of(client), ["agents"]).content.decode()
    assert "<strong>agents</strong></li>" in missing
    assert "127.0.0.1" not in missing


def request_of(client: Client) -> WSGIRequest:
    request: WSGIRequest = client.get("/admin/nothing/").wsgi_request
    return request


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_is_on_every_page(
    verdict: Verdict, client: Client, seen: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_seen(monkeypatch, seen, verdict)
    for address in (START, page("erebus_app.Wallet", "changelist"), "/admin/nothing/"):
        said = client.get(address).content.decode()
        assert re.search(rf'<a class="ns-verdict ns-verdict-{verdict}" href="/admin/replication/"', said)
        assert f"replication {verdict}" in said


def test_the_badge_is_unknown_until_it_has_been_looked_at(
    client: Client, monkeypatch: pytest.MonkeyPatch, slow: Slow, watch: Watch
) -> None:
    monkeypatch.setattr(frame, "watch", watch)
    assert "replication unknown" in content(client, START)
    slow.go_on.set()
    wait_for(lambda: watch.glance() is not None)
    assert "replication unknown" not in content(client, START)


def test_the_badge_looks_for_itself(client: Client) -> None:
    content(client, START)
    wait_for(lambda: watching.watch.glance() is not None)
    look = watching.watch.glance()
    assert look
    assert f"replication {look.health.verdict}" in content(client, START)


def test_an_old_verdict_says_how_old_it_is(client: Client, seen: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    has_seen(monkeypatch, seen, Verdict.OK, 0.2)
    assert '<span class="visually-hidden">, seen just now' in content(client, START)
    has_seen(monkeypatch, seen, Verdict.OK, 185.5)
    assert re.search(r'<span class="ns-verdict-old">, seen 3 min 5 s ago', content(client, START))


def test_nobody_waits_for_a_glance_and_one_look_is_for_all(slow: Slow, watch: Watch) -> None:
    began = time.monotonic()
    assert {watch.glance() for _ in range(20)} == {None}
    assert time.monotonic() - began < 1
    slow.go_on.set()
    wait_for(lambda: watch.glance() is not None)
    assert slow.calls == 1


def test_the_look_before_is_shown_while_the_next_one_is_made(
    slow: Slow, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.go_on.set()
    first = watch.look(10)
    slow.go_on.clear()
    monkeypatch.setattr(watching, "GLANCED", 0.0)
    assert [watch.glance() for _ in range(5)] == [first] * 5
    wait_for(lambda: slow.calls == 2)
    assert watch.glance() is first
    slow.go_on.set()
    wait_for(lambda: watch.glance() is not first)


def test_what_is_shown_outlives_an_error_which_is_logged_and_not_repeated_by_every_page(
    slow: Slow, watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow.go_on.set()
    first = watch.look(10)
    slow.fails = True
    monkeypatch.setattr(watching, "GLANCED", 0.1)
    time.sleep(0.15)
    assert watch.glance() is first
    wait_for(lambda: "could not be looked at" in caplog.text)
    monkeypatch.setattr(watching, "GLANCED", 100.0)
    assert {watch.glance() for _ in range(5)} == {first}
    assert slow.calls == 2
