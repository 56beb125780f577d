"""Rotating, revoking and deleting API keys in the admin."""

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import revoke_key
from nullstore.actor import Actor
from tests.integration.adminpages import fields, page, record
from tests.integration.keypages import KEY, OTHER, SECRET, action_page, log, make_key, staff, traces
from tests.integration.meanwhile import after

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

BROKEN = [SECRET + "\nsecond line", SECRET + "\x00", SECRET * 200, "  "]


@pytest.fixture
def key() -> AgentApiKey:
    return make_key()


@pytest.fixture
def client() -> Client:
    return staff("view_agentapikey", "change_agentapikey", "delete_agentapikey")


def act(client: Client, key: AgentApiKey, action: str, **data: Any) -> HttpResponse:
    """Open the page of the action, fill it in and send it; return what is shown in the end."""
    address = action_page(key, action)
    shown = client.get(address)
    if shown.status_code != 200:
        return client.get(address, follow=True)
    return client.post(address, {**fields(shown), **data}, follow=True)


class TestRotating:
    def test_the_new_secret_takes_the_place_of_the_old_and_the_log_says_who_and_why(
        self, client: Client, key: AgentApiKey
    ) -> None:
        content = act(client, key, "rotate", new_secret=f" {OTHER}\n", reason="leaked").content.decode()
        assert "Rotated: 1 API key." in content
        rotated = AgentApiKey.objects.get()
        assert (rotated.reveal(), rotated.key_suffix) == (OTHER, OTHER[-4:])
        assert rotated.key_fingerprint != key.key_fingerprint
        assert log()[1:] == [("rotated", "scribe", "grace", "192.0.2.7")]
        assert SecretAccessLog.objects.latest("pk").reason == "leaked"
        assert [LogEntry.objects.get().change_message] == ["Rotated. Reason: leaked"]
        assert [trace for trace in traces(key, OTHER) + traces(key) if trace in content] == []

    @pytest.mark.parametrize("secret", BROKEN, ids=["lines", "null", "long", "blank"])
    def test_what_is_no_secret_is_refused_and_not_sent_back(
        self, secret: str, client: Client, key: AgentApiKey
    ) -> None:
        response = act(client, key, "rotate", new_secret=secret)
        assert "errorlist" in response.content.decode()
        assert SECRET not in response.content.decode()
        assert fields(response)["new_secret"] == ""
        assert len(log()) == 1

    def test_the_stored_secret_is_no_new_one(self, client: Client, key: AgentApiKey) -> None:
        content = act(client, key, "rotate", new_secret=SECRET).content.decode()
        assert "This is the secret that the key has already" in content
        assert len(log()) == 1

    def test_the_answer_names_the_key_that_has_the_same(self, client: Client, key: AgentApiKey) -> None:
        make_key("copyist", OTHER)
        assert "stored for copyist at anthropic" in act(client, key, "rotate", new_secret=OTHER).content.decode()

    def test_browsers_are_asked_not_to_keep_it(self, client: Client, key: AgentApiKey) -> None:
        content = client.get(action_page(key, "rotate")).content.decode()
        [field] = [line for line in content.splitlines() if 'name="new_secret"' in line]
        assert 'type="password"' in field
        assert 'autocomplete="off"' in field

    def test_a_key_that_cannot_be_read_can_be_rotated(self, client: Client, key: AgentApiKey) -> None:
        AgentApiKey.objects.update(secret=b"damaged")
        act(client, key, "rotate", new_secret=OTHER)
        assert AgentApiKey.objects.get().reveal() == OTHER


class TestRevoking:
    def test_it_needs_a_reason(self, client: Client, key: AgentApiKey) -> None:
        assert "This field is required" in act(client, key, "revoke", reason=" ").content.decode()
        assert AgentApiKey.objects.get().revoked_at is None

    def test_the_key_is_shown_as_revoked_and_cannot_be_edited_any_more(self, client: Client, key: AgentApiKey) -> None:
        content = act(client, key, "revoke", reason="scribe was retired").content.decode()
        assert "Revoked: 1 API key." in content
        assert "</span> revoked</span>" in content
        assert 'name="_save"' not in content
        for action in ("rotate", "revoke", "reveal"):
            assert action_page(key, action) not in content
        assert log()[1:] == [("revoked", "scribe", "grace", "192.0.2.7")]

    def test_what_was_typed_before_it_was_revoked_is_not_saved(self, client: Client, key: AgentApiKey) -> None:
        typed = {**fields(client.get(page(KEY, "change", key.pk))), "key_name": "spare", "is_active": "on"}
        revoke_key(key.pk, Actor("ada", "leaked"))
        before = record(KEY, key.pk)
        content = client.post(page(KEY, "change", key.pk), typed).content.decode()
        assert "Nothing was saved: this key was revoked on" in content
        assert record(KEY, key.pk) == before

    @pytest.mark.parametrize(("action", "data"), [("rotate", {"new_secret": OTHER}), ("revoke", {"reason": "again"})])
    def test_a_revoked_key_is_left_alone(
        self, action: str, data: dict[str, str], client: Client, key: AgentApiKey
    ) -> None:
        revoke_key(key.pk, Actor("ada", "leaked"))
        before = record(KEY, key.pk)
        assert "is not possible here" in client.get(action_page(key, action), follow=True).content.decode()
        answer = client.post(action_page(key, action), data, follow=True).content.decode()
        assert "a revoked key stays as it is" in answer
        assert record(KEY, key.pk) == before
        assert len(log()) == 2

    def test_many_at_once_name_those_that_were_revoked_already(self, client: Client, key: AgentApiKey) -> None:
        others = [make_key("b", OTHER), make_key("c", OTHER)]
        revoke_key(others[0].pk, Actor("ada", "leaked"))
        data = {"action": "revoke", "_selected_action": [key.pk, *(each.pk for each in others)]}
        assert "3 selected" in client.post(page(KEY, "changelist"), data).content.decode()
        answer = client.post(page(KEY, "changelist"), {**data, "confirmed": "yes", "reason": "sold"}, follow=True)
        assert "Revoked: 2 API keys." in (content := answer.content.decode())
        assert "Not done to 1 API key: b at anthropic: It was revoked on" in content
        assert AgentApiKey.objects.filter(revoked_at=None).count() == 0


class TestDeleting:
    def test_a_key_in_use_is_not_deleted(self, client: Client, key: AgentApiKey) -> None:
        assert page(KEY, "delete", key.pk) not in client.get(page(KEY, "change", key.pk)).content.decode()
        for answer in (
            client.get(page(KEY, "delete", key.pk), follow=True),
            client.post(page(KEY, "delete", key.pk), {"post": "yes"}, follow=True),
        ):
            assert "Revoke it first; only a revoked key can be deleted." in answer.content.decode()
        assert AgentApiKey.objects.exists()

    def test_a_revoked_one_is_and_makes_room_for_another(self, client: Client, key: AgentApiKey) -> None:
        revoke_key(key.pk, Actor("ada", "leaked"))
        assert page(KEY, "delete", key.pk) in client.get(page(KEY, "change", key.pk)).content.decode()
        client.post(page(KEY, "delete", key.pk), {"post": "yes"})
        assert not AgentApiKey.objects.exists()
        assert log()[2:] == [("revoked", "scribe", "grace", "192.0.2.7")]
        make_key()

    def test_the_second_who_deletes_it_is_told(self, client: Client, key: AgentApiKey) -> None:
        revoke_key(key.pk, Actor("ada", "leaked"))
        client.get(page(KEY, "delete", key.pk))

        def delete() -> None:
            with connections["erebus"].cursor() as cursor:
                cursor.execute("DELETE FROM agent_api_keys")

        with after('INSERT INTO "django_admin_log"', delete):
            answer = client.post(page(KEY, "delete", key.pk), {"post": "yes"}, follow=True)
        assert "This key has been deleted." in answer.content.decode()
        assert [entry[0] for entry in log()] == ["added", "revoked"]
        assert not LogEntry.objects.exists()

    def test_many_are_not_deleted_at_once(self, client: Client, key: AgentApiKey) -> None:
        revoke_key(key.pk, Actor("ada", "leaked"))
        assert "delete_selected" not in client.get(page(KEY, "changelist")).content.decode()
        data = {"action": "delete_selected", "_selected_action": key.pk, "post": "yes"}
        client.post(page(KEY, "changelist"), data)
        assert AgentApiKey.objects.exists()


class TestPermissions:
    @pytest.mark.parametrize("action", ["rotate", "revoke", "reveal"])
    def test_who_may_only_look_is_refused_and_offered_nothing(self, action: str, key: AgentApiKey) -> None:
        viewer = staff("view_agentapikey", name="viewer")
        assert action_page(key, action) not in viewer.get(page(KEY, "change", key.pk)).content.decode()
        data = {"reason": "r", "new_secret": OTHER, "password": "x"}
        assert viewer.get(action_page(key, action)).status_code == 403
        assert viewer.post(action_page(key, action), data).status_code == 403
        assert len(log()) == 1


def test_a_crash_report_does_not_hold_the_new_secret(
    client: Client, key: AgentApiKey, settings: Any, mailoutbox: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings.ADMINS = [("Ada", "ada@example.org")]
    data = {**fields(client.get(action_page(key, "rotate"))), "new_secret": OTHER, "reason": "leaked"}
    client.raise_request_exception = False
    with connections["erebus"].cursor() as cursor:
        cursor.execute("ALTER TABLE secret_access_log RENAME TO elsewhere")
    with caplog.at_level(logging.DEBUG):
        assert client.post(action_page(key, "rotate"), data).status_code == 500
    [mail] = mailoutbox
    assert "new_secret" in mail.body
    reported = mail.body + caplog.text + "".join(content for content, _ in getattr(mail, "alternatives", []))
    assert [part for part in (OTHER, OTHER[8:], SECRET) if part in reported] == []
