"""Who is believed while erebus does not answer: nobody of whom this process was told that he is no staff any more."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.test import Client

from nullstore.admin import staff
from tests.integration.adminpages import page
from tests.integration.outages import forget, without

pytestmark = pytest.mark.usefixtures("known_to_nobody")

START, TASKS = "/admin/", page("agents_app.Task", "changelist")


@pytest.fixture
def known_to_nobody(committed_pair: None) -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def user() -> User:
    return User.objects.create_superuser("leaver")


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("column", ["is_active", "is_staff"])
def test_who_is_dismissed_with_sql_is_forgotten_once_erebus_has_said_so(
    column: str, user: User, client: Client
) -> None:
    client.get(START)
    User.objects.filter(pk=user.pk).update(**{column: False})
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 503


def _log_out(user: User, client: Client) -> None:
    other = Client()
    other.cookies = client.cookies.copy()
    other.post("/admin/logout/")


def _dismiss(user: User, client: Client) -> None:
    user.is_staff = False
    user.save()


def _narrow(user: User, client: Client) -> None:
    user.is_superuser = False
    user.save()


def _give(user: User, client: Client) -> None:
    user.user_permissions.set(Permission.objects.filter(codename="view_task"))


@pytest.mark.parametrize("ending", [_log_out, _dismiss, _narrow, _give])
def test_who_is_forgotten_while_his_page_is_made_stays_forgotten(
    ending: Callable[[User, Client], None], user: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overview(request: HttpRequest) -> dict[str, Any]:
        ending(user, client)
        return {}

    client.get(START)
    with monkeypatch.context() as patch:
        patch.setattr("nullstore.admin.start.overview", overview)
        assert client.get(START).status_code == 200
    with without("erebus"):
        assert client.get(TASKS).status_code == 503


def test_the_page_after_that_has_him_known_again(user: User, client: Client) -> None:
    client.get(START)
    user.save()
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 200


def test_what_others_do_meanwhile_makes_nobody_unknown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    other = User.objects.create_user("other")

    def overview(request: HttpRequest) -> dict[str, Any]:
        other.save()
        staff.forget("the session of somebody else")
        return {}

    monkeypatch.setattr("nullstore.admin.start.overview", overview)
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 200


def test_of_very_many_who_were_forgotten_none_is_believed(
    user: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "MOST", 3)

    def overview(request: HttpRequest) -> dict[str, Any]:
        _log_out(user, client)
        for number in range(10):
            staff.forget(f"session {number}")
        return {}

    monkeypatch.setattr("nullstore.admin.start.overview", overview)
    client.get(START)
    with without("erebus"):
        assert client.get(TASKS).status_code == 503
