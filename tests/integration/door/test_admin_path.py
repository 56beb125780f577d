"""The admin at another path than admin/: everything is there, and nothing where it was."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module, reload
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import clear_url_caches, reverse

from tests.integration.adminpages import insert_task, page
from tests.integration.outages import text
from tests.integration.test_policy import deployed

pytestmark = [pytest.mark.django_db(databases=["erebus", "agents"]), pytest.mark.usefixtures("known_to_nobody")]

PATH = "staff/console/"


def _load_urls() -> None:
    clear_url_caches()
    reload(sys.modules.get("nullstore.urls") or import_module("nullstore.urls"))


@pytest.fixture(autouse=True)
def elsewhere(settings: Any) -> Iterator[None]:
    kept = settings.NULLSTORE_ADMIN_PATH
    settings.NULLSTORE_ADMIN_PATH = PATH
    _load_urls()
    yield
    settings.NULLSTORE_ADMIN_PATH = kept
    _load_urls()


def test_login_list_row_and_logout_are_under_the_new_path() -> None:
    User.objects.create_superuser("ada", password="of ada, who is root")
    client, row = Client(), insert_task(name="the one")
    asked = client.get(f"/{PATH}", follow=True)
    assert asked.request["PATH_INFO"] == f"/{PATH}login/"
    login = {"username": "ada", "password": "of ada, who is root", "next": f"/{PATH}"}
    assert client.post(f"/{PATH}login/", login).headers["Location"] == f"/{PATH}"
    tasks = page("agents_app.Task", "changelist")
    assert tasks == f"/{PATH}agents_app/task/"
    seen = [
        text(client.get(address)) for address in (f"/{PATH}", tasks, f"{tasks}{row}/change/", f"/{PATH}replication/")
    ]
    assert "the one" in seen[1]
    assert "the one" in seen[2]
    # No link, form or script of any page leads to where the admin is not.
    led = {address for each in seen for address in re.findall(r'(?:href|action|src|data-[\w-]+)="(/[^"]*)"', each)}
    assert len(led) > 20
    assert {address for address in led if not address.startswith((f"/{PATH}", "/static/"))} == set()
    assert client.post(f"/{PATH}logout/").status_code == 200
    assert client.get(tasks).headers["Location"].startswith(f"/{PATH}login/")


def test_the_second_factor_is_there_too(settings: Any) -> None:
    settings.NULLSTORE_TWO_FACTOR = True
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    led = client.get(page("agents_app.Task", "changelist"), follow=True)
    assert led.request["PATH_INFO"] == f"/{PATH}two-factor/set-up/" == reverse("admin:two_factor_set_up")


@pytest.mark.parametrize(
    "address", ["/", "/admin/", "/admin/login/", "/admin/agents_app/task/", "/staff/", "/admin", "/nothing/"]
)
def test_elsewhere_there_is_nothing_and_nobody_is_told_the_way(address: str) -> None:
    strangers = [Client().get(address), Client(enforce_csrf_checks=True).post(address)]
    assert [answer.status_code for answer in strangers] == [404, 404]
    strangers.append(Client().get(address, headers={"host": "not.allowed"}))
    for answer in strangers:
        assert "staff/console" not in answer.text + str(answer.headers)
    known = _staff().get(address)
    assert known.status_code == 404
    assert f'href="/{PATH}"' in known.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("staff/console/", "/staff/console/login/"),
        ("/staff/", "NULLSTORE_ADMIN_PATH must be of the form"),
        ("staff", "NULLSTORE_ADMIN_PATH must be of the form"),
        ("", "NULLSTORE_ADMIN_PATH must be of the form"),
        ("static/admin/", "NULLSTORE_ADMIN_PATH must be of the form"),
    ],
)
def test_the_environment_says_where(path: str, said: str) -> None:
    done = deployed(
        "-c",
        "import django; django.setup(); from django.urls import reverse; print(reverse('admin:login'))",
        NULLSTORE_ADMIN_PATH=path,
        DJANGO_SETTINGS_MODULE="nullstore.settings",
    )
    assert said in done.stdout + done.stderr


def _staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("olaf"))
    return client
