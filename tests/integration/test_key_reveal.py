"""Revealing a secret: who may, what is asked, what is recorded, and that nothing keeps it."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.views.debug import ExceptionReporter

from erebus_app.admin.keys import reveal as view
from erebus_app.admin.keys.attempts import LIMIT, WINDOW
from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import revoke_key
from nullstore.actor import Actor
from tests.integration.adminpages import fields, page
from tests.integration.keypages import KEY, PASSWORD, SECRET, action_page, log, make_key, staff, traces
from tests.integration.keyring import K1

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

MAY = ("view_agentapikey", "reveal_agentapikey")
ANSWER = {"reason": "to try it out", "password": PASSWORD}
REVEALED = ("revealed", "scribe", "grace", "192.0.2.7")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def key() -> AgentApiKey:
    return make_key()


@pytest.fixture
def client() -> Client:
    return staff(*MAY)


def ask(client: Client, key: AgentApiKey, **data: Any) -> HttpResponse:
    address = action_page(key, "reveal")
    return client.post(address, {**fields(client.get(address)), **ANSWER, **data})


def shown(response: HttpResponse) -> bool:
    return SECRET in response.content.decode()


class TestAnswer:
    def test_it_shows_the_secret_and_the_log_has_it(self, client: Client, key: AgentApiKey) -> None:
        assert shown(ask(client, key))
        assert log()[1:] == [REVEALED]
        assert SecretAccessLog.objects.latest("pk").reason == "to try it out"
        assert LogEntry.objects.get().change_message == "Revealed. Reason: to try it out"

    def test_it_is_offered_on_the_page_of_the_key(self, client: Client, key: AgentApiKey) -> None:
        assert action_page(key, "reveal") in client.get(page(KEY, "change", key.pk)).content.decode()

    def test_a_reload_asks_again(self, client: Client, key: AgentApiKey) -> None:
        address = action_page(key, "reveal")
        sent = {**fields(client.get(address)), **ANSWER}
        assert shown(client.post(address, sent))
        again = client.post(address, sent)
        assert not shown(again)
        assert "not shown again" in again.content.decode()
        assert not shown(client.get(address))
        assert len(log()) == 2
        assert shown(client.post(address, {**fields(again), **ANSWER}))
        assert log()[1:] == [REVEALED, REVEALED]

    def test_nothing_keeps_it(self, client: Client, key: AgentApiKey) -> None:
        response = ask(client, key)
        assert "no-store" in response.headers["Cache-Control"]
        assert response.headers["Pragma"] == "no-cache"
        assert response.headers["Referrer-Policy"] == "same-origin"
        kept = [str(session.get_decoded()) for session in Session.objects.all()]
        kept += [str(client.cookies), str(list(LogEntry.objects.values())), str(list(SecretAccessLog.objects.values()))]
        assert [text for text in kept for part in (SECRET, SECRET[8:], PASSWORD) if part in text] == []
        for address in (page(KEY, "changelist"), page(KEY, "change", key.pk), page(KEY, "history", key.pk), "/admin/"):
            content = client.get(address).content.decode()
            assert [trace for trace in traces(key) if trace in content] == [], address

    def test_the_question_is_not_cached_and_knows_its_fields(self, client: Client, key: AgentApiKey) -> None:
        response = client.get(action_page(key, "reveal"))
        assert "no-store" in response.headers["Cache-Control"]
        [field] = [line for line in response.content.decode().splitlines() if 'name="password"' in line]
        assert 'type="password"' in field
        assert 'autocomplete="current-password"' in field

    def test_no_log_of_the_program_holds_it(
        self, client: Client, key: AgentApiKey, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.DEBUG = True
        with caplog.at_level(logging.DEBUG, "django.db.backends"):
            assert shown(ask(client, key))
        assert "INSERT" in caplog.text
        assert [part for part in (SECRET, SECRET[8:], PASSWORD) if part in caplog.text] == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({"reason": "  "}, "This field is required"),
            ({"password": ""}, "This field is required"),
            ({"reason": "x" * 256}, "at most 255"),
            ({"reason": "a\x00b"}, "Null characters"),
            ({"password": "a\x00b"}, "Null characters"),
            ({"password": PASSWORD.upper()}, "This is not your password"),
            ({"password": f" {PASSWORD}"}, "This is not your password"),
            ({"after": "soon"}, "not shown again"),
            ({"after": "9" * 40}, "not shown again"),
        ],
    )
    def test_a_bad_answer_shows_why_and_not_the_secret(
        self, data: dict[str, str], said: str, client: Client, key: AgentApiKey
    ) -> None:
        response = ask(client, key, **data)
        assert said in response.content.decode()
        assert not shown(response)
        assert PASSWORD not in response.content.decode()
        assert fields(response)["password"] == ""
        assert len(log()) == 1

    @pytest.mark.parametrize("codenames", [("view_agentapikey", "change_agentapikey"), ("reveal_agentapikey",), ()])
    def test_it_takes_its_own_permission_and_that_to_look(self, codenames: tuple[str, ...], key: AgentApiKey) -> None:
        other = staff(*codenames, name="other")
        assert other.get(action_page(key, "reveal")).status_code == 403
        assert other.post(action_page(key, "reveal"), {**ANSWER, "after": 0}).status_code == 403
        assert len(log()) == 1

    def test_who_has_no_password_is_told_so(self, key: AgentApiKey) -> None:
        single_sign_on = staff(*MAY, name="sso", password=None)
        for response in (
            single_sign_on.get(action_page(key, "reveal")),
            single_sign_on.post(action_page(key, "reveal"), {**ANSWER, "after": 0}),
        ):
            assert response.status_code == 403
            assert "Your account has no password here" in response.content.decode()
        assert len(log()) == 1

    def test_a_revoked_key_is_not_revealed(self, client: Client, key: AgentApiKey) -> None:
        address = action_page(key, "reveal")
        sent = {**fields(client.get(address)), **ANSWER}
        revoke_key(key.pk, Actor("ada", "leaked"))
        response = client.post(address, sent, follow=True)
        assert "a revoked key is not revealed" in response.content.decode()
        assert not shown(response)

    def test_a_key_that_is_not_there(self, client: Client) -> None:
        for name in ("garbage", "00000000-0000-4000-8000-000000000000", "%00"):
            response = client.get(f"/admin/erebus_app/agentapikey/{name}/do/reveal/")
            assert (response.status_code, response.headers["Location"]) == (302, "/admin/")

    @pytest.mark.parametrize(
        ("stored", "keys", "said"),
        [
            (b"damaged", K1, "names no key id"),
            (b"\x01\x02k9\x80", K1, "k9"),
            (None, K1, "has no such key id"),
            (None, "k1:short", "FIELD_ENCRYPTION_KEYS"),
        ],
    )
    def test_what_cannot_be_decrypted_is_said_and_not_logged_as_revealed(
        self, stored: bytes | None, keys: str, said: str, client: Client, key: AgentApiKey, settings: Any
    ) -> None:
        if stored is not None:
            AgentApiKey.objects.update(secret=stored)
        settings.FIELD_ENCRYPTION_KEYS = keys
        response = ask(client, key)
        assert said in response.content.decode()
        assert not shown(response)
        assert len(log()) == 1


class TestWrongPasswords:
    def test_after_five_even_the_right_one_is_refused_for_a_while(self, client: Client, key: AgentApiKey) -> None:
        other_key = make_key("other")
        for number in range(LIMIT):
            assert ask(client, (key, other_key)[number % 2], password="wrong").status_code == 200
        for response in (
            client.get(action_page(key, "reveal")),
            client.post(action_page(key, "reveal"), {**ANSWER, "after": 0}),
        ):
            assert response.status_code == 429
            assert "5 wrong passwords within 15 minutes" in response.content.decode()
        assert len(log()) == 2
        LogEntry.objects.update(action_time=timezone.now() - WINDOW - timedelta(seconds=1))
        assert shown(ask(client, key))

    def test_they_stand_in_the_history_of_the_key(self, client: Client, key: AgentApiKey) -> None:
        ask(client, key, password="wrong")
        content = staff("view_agentapikey", name="auditor").get(page(KEY, "history", key.pk)).content.decode()
        assert "Not revealed: wrong password." in content
        assert "grace" in content

    def test_others_are_not_kept_out(self, client: Client, key: AgentApiKey) -> None:
        for _ in range(LIMIT):
            ask(client, key, password="wrong")
        assert shown(ask(staff(*MAY, name="other"), key))

    def test_four_are_forgiven(self, client: Client, key: AgentApiKey) -> None:
        for _ in range(LIMIT - 1):
            ask(client, key, password="wrong")
        assert shown(ask(client, key))


class TestNothingIsShownUnrecorded:
    @pytest.mark.parametrize(
        "broken",
        [
            "ALTER TABLE secret_access_log RENAME TO elsewhere",
            "ALTER TABLE secret_access_log ADD CHECK (action <> 'revealed')",
        ],
    )
    def test_a_log_that_cannot_be_written_is_a_message(self, broken: str, client: Client, key: AgentApiKey) -> None:
        sent = {**fields(client.get(action_page(key, "reveal"))), **ANSWER}
        with connections["erebus"].cursor() as cursor:
            cursor.execute(broken)
        response = client.post(action_page(key, "reveal"), sent)
        assert response.status_code == 200
        assert "The access could not be recorded" in response.content.decode()
        assert not shown(response)


def test_a_crash_report_holds_neither_secret_nor_password(
    client: Client,
    key: AgentApiKey,
    settings: Any,
    mailoutbox: list[Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worst moment: the secret is decrypted, and rendering it fails."""
    settings.ADMINS = [("Ada", "ada@example.org")]
    client.raise_request_exception = False
    pages: list[str] = []

    def crash(request: Any, name: str, context: dict[str, Any], **kwargs: Any) -> Any:
        assert context["secret"] == SECRET
        raise RuntimeError("no template")

    sent = {**fields(client.get(action_page(key, "reveal"))), **ANSWER}
    text = ExceptionReporter.get_traceback_text

    def both(reporter: ExceptionReporter) -> str:
        pages.append(reporter.get_traceback_html())
        return text(reporter)

    monkeypatch.setattr(ExceptionReporter, "get_traceback_text", both)
    monkeypatch.setattr(view, "render", crash)
    with caplog.at_level(logging.DEBUG):
        response = client.post(action_page(key, "reveal"), sent)
    assert response.status_code == 500
    [mail] = mailoutbox
    assert "no template" in mail.body
    assert "_response" in pages[0]
    reported = response.content.decode() + mail.body + caplog.text + "".join(pages)
    assert [part for part in (SECRET, SECRET[8:], PASSWORD) if part in reported] == []
