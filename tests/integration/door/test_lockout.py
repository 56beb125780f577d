"""Who fails to log in too often is locked out: from there, under that name, for a while."""

import io
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from nullstore.door.attempts import ADDRESS_FACTOR
from tests.integration.outages import assert_says, text, without

pytestmark = [pytest.mark.django_db(databases=["erebus", "agents"]), pytest.mark.usefixtures("known_to_nobody")]

PASSWORD = "the right password of root"
WRONG = "a-wrong-password-that-nobody-may-read"


@pytest.fixture(autouse=True)
def root(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("root", password=PASSWORD)


def log_in(name: str = "root", password: str = WRONG, address: str = "192.0.2.1", **more: Any) -> Any:
    data = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), data, **more)


def fail(times: int, **how: Any) -> Any:
    return [log_in(**how) for _ in range(times)][-1]


@pytest.mark.parametrize("name", ["root", "nobody of that name"])
def test_the_fifth_failure_locks_and_says_until_when(name: str) -> None:
    assert fail(4, name=name).status_code == 200
    answer = log_in(name=name)
    assert_says(answer, 429, "Locked out", "UTC", "axes_reset_username", "A superuser can unlock it")
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert "Content-Security-Policy" in answer.headers


def test_names_that_exist_and_that_do_not_get_the_same_answers() -> None:
    def answers(name: str) -> list[str]:
        said = [text(log_in(name=name, address=f"192.0.2.{len(name)}")) for _ in range(6)]
        return [
            re.sub(r'name="csrfmiddlewaretoken" value="\w+"|until [\d:]+', "", each).replace(name, "NAME")
            for each in said
        ]

    assert answers("root") == answers("nobody")


def test_not_even_the_right_password_gets_in_meanwhile_and_another_place_does() -> None:
    fail(5)
    assert log_in(password=PASSWORD).status_code == 429
    assert log_in(password=PASSWORD, address="192.0.2.2").status_code == 302


def test_failures_before_are_forgotten_by_a_login() -> None:
    fail(4)
    assert log_in(password=PASSWORD).status_code == 302
    assert fail(4).status_code == 200


def test_an_address_that_tries_many_names_is_locked_and_no_own_login_helps(settings: Any) -> None:
    for number in range(5 * ADDRESS_FACTOR - 1):
        assert log_in(name=f"name{number}").status_code == 200
    assert log_in(password=PASSWORD).status_code == 302
    assert log_in(name="another").status_code == 429
    assert log_in(password=PASSWORD).status_code == 429
    assert log_in(password=PASSWORD, address="192.0.2.2").status_code == 302


def test_the_addresses_of_one_ipv6_network_are_one() -> None:
    for number in range(5):
        answer = log_in(address=f"2001:db8:0:1::{number}")
    assert answer.status_code == 429
    assert log_in(password=PASSWORD, address="2001:db8:0:2::1").status_code == 302


def test_behind_a_proxy_it_is_the_address_that_the_proxy_names(settings: Any) -> None:
    settings.NULLSTORE_CLIENT_ADDRESS_HEADER = "X-Real-IP"
    assert fail(5, headers={"X-Real-IP": "203.0.113.7"}).status_code == 429
    assert log_in(password=PASSWORD, headers={"X-Real-IP": "203.0.113.8"}).status_code == 302


def test_it_ends(settings: Any) -> None:
    fail(5)
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=16))
    assert log_in(password=PASSWORD).status_code == 302


def test_no_password_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fail(6)
    rows = [*AccessAttempt.objects.values(), *AccessFailureLog.objects.values()]
    assert len(rows) > 1
    assert WRONG not in caplog.text + str(rows)
    assert "csrfmiddlewaretoken=" not in str(rows) or "csrfmiddlewaretoken=****" in str(rows)


def test_superusers_see_failures_and_unlock(client: Client) -> None:
    fail(5)
    assert "192.0.2.1" in text(client.get(reverse("admin:axes_accessfailurelog_changelist")))
    attempt = AccessAttempt.objects.get()
    shown = text(client.get(reverse("admin:axes_accessattempt_change", args=[attempt.pk])))
    assert "post_data" not in shown
    unlock(client, "root")
    assert log_in(password=PASSWORD).status_code == 302


def unlock(client: Client, name: str) -> str:
    """Press the button on any of the rows of that name; return what the page then says."""
    row = AccessAttempt.objects.filter(username=name).latest("pk")
    address = reverse("admin:axes_accessattempt_unlock", args=[row.pk])
    return text(client.post(address, {"reason": "it was me"}, follow=True))


def test_unlocking_lifts_the_whole_lock_of_a_name_and_is_logged(client: Client) -> None:
    for browser in ("one", "another"):
        fail(3, headers={"User-Agent": browser})
    fail(5, address="192.0.2.2")
    fail(4, name="olaf")
    said = unlock(client, "root")
    assert "Unlocked: 1 access attempt. root may be tried again." in said
    assert "Perhaps it was deleted" not in said
    assert [log_in(password=PASSWORD, address=f"192.0.2.{each}").status_code for each in (1, 2)] == [302, 302]
    assert AccessAttempt.objects.get().username == "olaf"
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "Unlocked. root may be tried again. Reason: it was me"


def test_unlocking_lifts_the_limit_of_the_address_where_that_is_the_reason(client: Client) -> None:
    for number in range(5 * ADDRESS_FACTOR):
        log_in(name=f"name{number}")
    assert log_in(password=PASSWORD).status_code == 429
    assert "name7 may be tried again, and so may every name at 192.0.2.1." in unlock(client, "name7")
    assert not AccessAttempt.objects.exists()
    assert log_in(password=PASSWORD).status_code == 302


def test_failures_are_kept_however_many_there_are(settings: Any) -> None:
    """django-axes' own would drop the newest of a name from the thousandth on, and ask for the right to."""
    settings.AXES_ACCESS_FAILURE_LOG_PER_USER_LIMIT = 1
    fail(3)
    assert AccessFailureLog.objects.count() == 3


def test_without_erebus_the_login_names_the_outage_and_nothing_breaks() -> None:
    with without("erebus"):
        assert_says(log_in(password=PASSWORD), 503, "A database that this page needs does not answer.")


def test_old_failures_are_removed_by_the_command() -> None:
    fail(2)
    fail(1, name="olaf")
    old = AccessFailureLog.objects.filter(username="root")
    old.update(attempt_time=AccessFailureLog.objects.latest("pk").attempt_time - timedelta(days=91))
    call_command("axes_reset_failure_logs", age=90, stdout=io.StringIO())
    assert AccessFailureLog.objects.get().username == "olaf"
