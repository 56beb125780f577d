"""One of the databases does not answer: the pages of the other work, and all say what is missing."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.http import HttpRequest
from django.test import Client

from nullstore.admin import outage, staff
from nullstore.admin.lists.timeouts import statement_timeout
from tests.integration import adminpages
from tests.integration.adminpages import APPS, insert_row, insert_task, page
from tests.integration.outages import assert_says, forget, frozen, place, text, without

pytestmark = pytest.mark.usefixtures("known_to_nobody")

TASKS, USERS = page("agents_app.Task", "changelist"), page("erebus_app.UserReference", "changelist")
START = "/admin/"


@pytest.fixture
def known_to_nobody(committed_pair: None) -> Iterator[None]:
    forget()
    yield
    forget()


def test_without_agents_erebus_pages_work_and_say_so(client: Client) -> None:
    key = insert_row("erebus_app.Listing")
    with without("agents"):
        assert_says(client.get(TASKS), 503, "agents does not answer", place("agents"), "manage.py replication status")
        for address in (page("erebus_app.Listing", "changelist"), page("erebus_app.Listing", "change", key), START):
            assert_says(client.get(address), 200, f"agents at {place('agents')} does not answer.")
        answer = adminpages.submit(client, page("erebus_app.Listing", "change", key), title="Another title")
        assert answer.status_code == 302
    outage.forget()
    assert_says(client.get(TASKS), 200)


@pytest.mark.parametrize("name", ["changelist", "change", "delete", "history"])
def test_without_agents_its_own_pages_name_it(client: Client, name: str) -> None:
    key = insert_task()
    address = page("agents_app.Task", name, *([] if name == "changelist" else [key]))
    with without("agents"):
        for ask in (client.get, client.get, client.post):  # found out, then known
            assert_says(ask(address), 503, "agents does not answer", place("agents"))


def test_the_start_page_shows_the_figures_of_the_one_that_is_there(client: Client) -> None:
    insert_row("erebus_app.Listing")
    with without("agents"):
        said = text(client.get(START))
    assert "Listings waiting for review: 1" in said
    assert said.count("agents does not answer.") >= 4


def test_without_erebus_agents_pages_can_be_looked_at(client: Client) -> None:
    key = insert_task()
    client.get(START)
    with without("erebus"):
        for address in (TASKS, page("agents_app.Task", "change", key), START):
            assert_says(
                client.get(address), 200, f"erebus at {place('erebus')} does not answer.", "nothing can be changed"
            )
        said = text(client.get(page("agents_app.Task", "change", key)))
        assert 'name="_save"' not in said
        assert str(key) in said
        assert_says(client.get(USERS), 503, "erebus does not answer", place("erebus"))


def test_the_first_page_after_erebus_has_gone_opens_already(client: Client) -> None:
    client.get(START)
    with without("erebus"):
        assert_says(client.get(TASKS), 200, "nothing can be changed")


@pytest.mark.parametrize("known", [True, False])
def test_without_erebus_nothing_is_changed(client: Client, known: bool) -> None:
    key = insert_task()
    data = adminpages.fields(client.get(page("agents_app.Task", "change", key)))
    with without("erebus"):
        if known:
            client.get(TASKS)
        for address in (
            page("agents_app.Task", "change", key),
            page("agents_app.Task", "delete", key),
        ):
            answer = client.post(address, {**data, "name": "changed", "post": "yes"})
            assert_says(answer, 503, "Nothing can be changed now", "Nothing was changed")
    assert adminpages.record("agents_app.Task", key)["name"] != "changed"


def test_one_can_log_out_without_erebus(client: Client) -> None:
    client.get(START)
    cookies = client.cookies.copy()
    with without("erebus"):
        answer = client.post("/admin/logout/")
        assert_says(answer, 503, "Logged out here")
        assert "127.0.0.1" not in text(answer)
        assert client.cookies["sessionid"].value == ""
        client.cookies = cookies.copy()
        assert client.get(TASKS).status_code == 302
    outage.forget()
    # Nor is it taken when erebus, which was not told, is back.
    client.cookies = cookies.copy()
    assert client.get(TASKS).status_code == 302


def test_somebody_unknown_gets_in_nowhere_and_learns_nothing(client: Client) -> None:
    with without("erebus"):
        for who in (client, Client()):
            answer = who.get(TASKS, follow=True)
            said = text(answer)
            assert "127.0.0.1" not in said
            assert "replication" not in said.lower()
        assert_says(client.get(TASKS), 503, "does not answer")
        answer = Client().post("/admin/login/", {"username": "root", "password": "x"})
        assert_says(answer, 503, "A database that this page needs does not answer.")
        assert "127.0.0.1" not in text(answer)


def test_it_lasts_a_quarter_of_an_hour(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 200
        later = time.monotonic() + staff.BELIEVED + 1
        monkeypatch.setattr("nullstore.admin.staff.time.monotonic", lambda: later)
        assert client.get(TASKS).status_code == 503


def test_looking_on_does_not_prolong_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(START)
    began = time.monotonic()
    with without("erebus"):
        for minutes, status in ((5, 200), (10, 200), (14, 200), (16, 503)):
            monkeypatch.setattr("nullstore.admin.staff.time.monotonic", lambda now=began + 60 * minutes: now)
            assert client.get(TASKS).status_code == status


def _log_out(user: User, client: Client) -> None:
    client.post("/admin/logout/")


def _deactivate(user: User, client: Client) -> None:
    user.is_active = False
    user.save()


def _dismiss(user: User, client: Client) -> None:
    user.is_staff = False
    user.save()


def _deactivate_elsewhere(user: User, client: Client) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    client.get(START)


def _new_password(user: User, client: Client) -> None:
    user.set_password("another one")
    user.save()


@pytest.mark.parametrize("ending", [_log_out, _deactivate, _dismiss, _deactivate_elsewhere, _new_password])
def test_who_may_not_look_any_more_is_forgotten(ending: object) -> None:
    user = User.objects.create_superuser("leaver")
    client = Client()
    client.force_login(user)
    client.get(START)
    cookies = client.cookies.copy()
    ending(user, client)  # type: ignore[operator]
    client.cookies = cookies
    with without("erebus"):
        assert client.get(TASKS).status_code == 503


def test_what_one_might_not_see_stays_unseen() -> None:
    user = User.objects.create_user("narrow", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_task", "change_engram"], content_type__app_label__in=APPS)
    )
    client = Client()
    client.force_login(user)
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 200
        assert client.get(page("agents_app.Agent", "changelist")).status_code == 403
        # To change includes to look, for Django; what erebus has not confirmed is left out.
        assert client.get(page("agents_app.Engram", "changelist")).status_code == 403


def test_when_it_is_back_everything_goes_on(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    key = insert_task()
    client.get(START)
    with without("erebus"):
        client.get(TASKS)
    monkeypatch.setattr(outage, "BELIEVED", 0.0)
    assert "does not answer" not in text(client.get(TASKS))
    answer = adminpages.submit(client, page("agents_app.Task", "change", key), name="changed")
    assert answer.status_code == 302


def test_no_page_waits_long_for_a_server_that_hangs(client: Client) -> None:
    client.get(START)
    with frozen("agents"):
        assert client.get(TASKS).status_code == 503
        began = time.monotonic()
        for address in (TASKS, START, USERS, page("agents_app.Engram", "changelist")):
            assert "does not answer" in text(client.get(address))
        assert time.monotonic() - began < 6  # each would wait 2 s and more to hear nothing


def test_a_server_that_goes_on_hanging_is_looked_at_beside_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    with frozen("agents"):
        assert not outage.answers("agents")
        monkeypatch.setattr(outage, "BELIEVED", 0.5)
        time.sleep(0.6)
        began = time.monotonic()
        assert not any(outage.answers("agents") for _ in range(20))
        assert time.monotonic() - began < 1.8  # a look takes 2 s


def test_a_statement_that_took_too_long_is_said_to(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def overview(request: HttpRequest) -> dict[str, Any]:
        with statement_timeout("agents", 20), connections["agents"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return {}

    monkeypatch.setattr("nullstore.admin.start.overview", overview)
    assert_says(client.get(START), 503, "This took too long", "Try again")
    assert_says(client.get(TASKS), 200)


def test_a_session_that_the_server_ended_is_said_to_be_lost(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def overview(request: HttpRequest) -> dict[str, Any]:
        with connections["agents"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return {}

    monkeypatch.setattr("nullstore.admin.start.overview", overview)
    assert_says(client.get(START), 503, "It answers again: reload the page.")
    assert_says(client.get(TASKS), 200)


def test_answers_is_found_out_once() -> None:
    with without("agents"):
        assert not outage.answers("agents")
        assert not outage.answers("agents")
        assert outage.answers("erebus")
        assert outage.fails("agents")
        assert not outage.fails("erebus")


def test_a_page_waits_once_for_a_database_that_goes_away_meanwhile(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = page("erebus_app.UserReference", "change", insert_row("erebus_app.UserReference"))
    assert "does not answer" not in text(client.get(address))
    tries: list[Any] = []
    connect = connections["agents"].get_new_connection

    def counted(params: Any) -> Any:
        tries.append(params)
        return connect(params)

    monkeypatch.setattr(connections["agents"], "get_new_connection", counted)
    with without("agents"):
        said = text(client.get(address))
    assert said.count("The database agents does not answer") == 3
    assert len(tries) == 1
