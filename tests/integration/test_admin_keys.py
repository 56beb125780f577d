"""API keys in the admin: a secret goes in, and never comes out."""

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import add_key, revoke_key, rotate_key
from nullstore.actor import Actor
from tests.integration import adminpages, keypages
from tests.integration.adminpages import errors, fields, insert_agent, insert_row, page, record, saved, submit
from tests.integration.keypages import AGENT, KEY, LOG, NEW, OTHER, SECRET, action_page, log, traces

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])


@pytest.fixture
def client() -> Client:
    client = adminpages.superuser()
    client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    return client


@pytest.fixture
def key(client: Client) -> AgentApiKey:
    saved(submit(client, page(KEY, "add"), **NEW), KEY)
    return AgentApiKey.objects.get()


def username(client: Client) -> str:
    return LogEntry.objects.filter(user_id=client.session["_auth_user_id"]).first().user.get_username()


class TestAdding:
    def test_what_is_stored_can_be_revealed_and_is_logged(self, client: Client, key: AgentApiKey) -> None:
        assert key.reveal() == SECRET
        assert (key.key_prefix, key.key_suffix) == (SECRET[:7], SECRET[-4:])
        assert log() == [("added", "scribe", username(client), "192.0.2.7")]

    def test_the_list_tells_keys_apart(self, client: Client, key: AgentApiKey) -> None:
        content = client.get(page(KEY, "changelist")).content.decode()
        assert f"{SECRET[:7]}…{SECRET[-4:]}" in content
        assert key.key_fingerprint in content

    def test_a_key_without_secret_is_refused(self, client: Client) -> None:
        response = submit(client, page(KEY, "add"), **{**NEW, "new_secret": "  "})
        assert "'new_secret': [ValidationError(['This field is required" in errors(response)

    def test_a_second_key_of_agent_and_provider_is_refused(self, client: Client, key: AgentApiKey) -> None:
        response = submit(client, page(KEY, "add"), **{**NEW, "new_secret": OTHER})
        assert "rotate that one" in errors(response)
        assert len(log()) == 1


class TestChanging:
    def test_an_edit_keeps_the_secret(self, client: Client, key: AgentApiKey) -> None:
        before = bytes(key.secret)
        saved(submit(client, page(KEY, "change", key.pk), key_name="spare", is_active=""), KEY)
        key.refresh_from_db()
        assert (key.key_name, key.is_active, bytes(key.secret)) == ("spare", False, before)
        assert [entry[0] for entry in log()] == ["added"]

    def test_a_key_stays_with_its_agent_and_takes_no_secret(self, client: Client, key: AgentApiKey) -> None:
        address = page(KEY, "change", key.pk)
        assert {"agent_name", "provider", "new_secret", "revoked_at"}.isdisjoint(fields(client.get(address)))
        others = {"agent_name": "thief", "provider": "groq", "new_secret": OTHER, "revoked_at_0": "2026-01-01"}
        saved(submit(client, address, **others), KEY)
        key.refresh_from_db()
        assert (key.agent_name, key.provider, key.reveal(), key.revoked_at) == ("scribe", "anthropic", SECRET, None)

    def test_a_key_whose_secret_cannot_be_read_is_shown(self, client: Client) -> None:
        assert client.get(page(KEY, "change", insert_row(KEY))).status_code == 200

    def test_what_a_service_counts_meanwhile_is_not_lost(self, client: Client, key: AgentApiKey) -> None:
        stale = fields(client.get(page(KEY, "change", key.pk)))
        with connections["erebus"].cursor() as cursor:
            cursor.execute("UPDATE agent_api_keys SET usage_count = 7, last_used_at = now()")
        saved(client.post(page(KEY, "change", key.pk), {**stale, "key_name": "spare"}), KEY)
        assert record(KEY, key.pk)["usage_count"] == 7


class TestPages:
    def test_states_are_told_in_words(self, client: Client, key: AgentApiKey) -> None:
        paused = AgentApiKey.objects.get(pk=insert_row(KEY))
        AgentApiKey.objects.filter(pk=paused.pk).update(is_active=False)
        revoke_key(insert_row(KEY), Actor("ada", "leaked"))
        content = client.get(page(KEY, "changelist")).content.decode()
        for state in ("active", "paused", "revoked"):
            assert f"</span> {state}</span>" in content

    def test_the_page_lists_what_was_done_with_the_key_and_no_other(self, client: Client, key: AgentApiKey) -> None:
        rotate_key(key.pk, OTHER, Actor("grace", "every 90 days", "192.0.2.9"))
        add_key(AgentApiKey(agent_name="other", provider="groq"), "no-business-of-this-page", Actor("mallory"))
        content = client.get(page(KEY, "change", key.pk)).content.decode()
        for said in ("Rotated", "grace", "every 90 days", "192.0.2.9", "Added"):
            assert said in content
        assert "mallory" not in content

    def test_one_secret_at_two_agents_is_pointed_out_at_both(self, client: Client, key: AgentApiKey) -> None:
        alone = AgentApiKey(agent_name="alone", provider="groq")
        add_key(alone, OTHER, Actor("ada"))
        response = submit(client, page(KEY, "add"), **{**NEW, "agent_name": "copyist"})
        saved(response, KEY)
        copy = AgentApiKey.objects.get(agent_name="copyist")
        content = client.get(page(KEY, "changelist")).content.decode()
        assert "The same secret is stored for scribe at anthropic" in content
        assert content.count("same secret elsewhere") == 2
        for one, other in ((key, copy), (copy, key)):
            assert page(KEY, "change", other.pk) in client.get(page(KEY, "change", one.pk)).content.decode()
        assert "The same secret" not in client.get(page(KEY, "change", alone.pk)).content.decode()

    def test_key_and_agent_link_to_each_other(self, client: Client, key: AgentApiKey) -> None:
        agent, stranger = insert_agent(name="scribe"), insert_agent(name="stranger")
        content = client.get(page(KEY, "change", key.pk)).content.decode()
        assert page(AGENT, "change", agent) in content
        assert page(AGENT, "change", stranger) not in content
        assert page(KEY, "change", key.pk) in client.get(page(AGENT, "change", agent)).content.decode()
        assert page(KEY, "change", key.pk) not in client.get(page(AGENT, "change", stranger)).content.decode()

    def test_who_may_not_look_at_agents_or_the_log_is_not_shown_them_here(self, key: AgentApiKey) -> None:
        insert_agent(name="scribe", agent_type="confidential")
        user = User.objects.create_user("clerk", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_agentapikey"))
        clerk = Client()
        clerk.force_login(user)
        content = clerk.get(page(KEY, "change", key.pk)).content.decode()
        assert "confidential" not in content
        assert "What was done with this key" not in content

    def test_who_may_change_what_is_shown_here_may_see_it(self, key: AgentApiKey) -> None:
        insert_agent(name="scribe", agent_type="confidential")
        clerk = keypages.staff("view_agentapikey", "change_agent", "change_secretaccesslog")
        content = clerk.get(page(KEY, "change", key.pk)).content.decode()
        assert "confidential" in content
        assert "What was done with this key" in content

    def test_without_agents_the_page_says_what_is_missing(
        self, client: Client, key: AgentApiKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nullstore.admin.sections.answers", lambda alias: alias == "erebus")
        content = client.get(page(KEY, "change", key.pk)).content.decode()
        assert "The database agents does not answer" in content
        assert "What was done with this key" in content


class TestSecrecy:
    def test_no_page_shows_secret_or_ciphertext(self, client: Client, key: AgentApiKey) -> None:
        rotate_key(key.pk, OTHER, Actor("ada"))
        entry = SecretAccessLog.objects.latest("pk").pk
        pages = [
            client.get(page(KEY, "changelist")),
            client.get(page(KEY, "changelist"), {"q": "scribe"}),
            client.get(page(KEY, "change", key.pk)),
            client.get(page(KEY, "history", key.pk)),
            client.get(action_page(key, "rotate")),
            client.get(action_page(key, "revoke")),
            client.post(page(KEY, "changelist"), {"action": "revoke", "_selected_action": key.pk}),
            client.get(page(LOG, "changelist")),
            client.get(page(LOG, "change", entry)),
            client.get("/admin/"),
        ]
        for response in pages:
            assert response.status_code == 200
            body = response.content.decode()
            assert [trace for trace in traces(key) + traces(key, OTHER) if trace in body] == []

    @pytest.mark.parametrize("secret", [SECRET + "\nsecond line", SECRET + "\x00", SECRET * 200])
    def test_a_refused_secret_is_not_sent_back(self, secret: str, client: Client) -> None:
        response = submit(client, page(KEY, "add"), **{**NEW, "new_secret": secret})
        assert "'new_secret'" in errors(response)
        assert SECRET not in response.content.decode()
        assert fields(response)["new_secret"] == ""

    def test_another_error_does_not_send_it_back_either(self, client: Client) -> None:
        response = submit(client, page(KEY, "add"), **{**NEW, "provider": "nobody"})
        assert "'provider'" in errors(response)
        assert SECRET not in response.content.decode()

    def test_browsers_are_asked_not_to_keep_it(self, client: Client) -> None:
        content = client.get(page(KEY, "add")).content.decode()
        [field] = [line for line in content.splitlines() if 'name="new_secret"' in line]
        assert 'type="password"' in field
        assert 'autocomplete="off"' in field

    def test_no_list_or_form_reads_the_ciphertext(self, client: Client, key: AgentApiKey) -> None:
        with CaptureQueriesContext(connections["erebus"]) as captured:
            client.get(page(KEY, "changelist"))
            submit(client, page(KEY, "change", key.pk), key_name="spare")
        assert [query["sql"] for query in captured if '"agent_api_keys"."secret"' in query["sql"]] == []

    @pytest.mark.parametrize("lookup", ["secret", "secret__contains", "secret__gt"])
    def test_the_ciphertext_cannot_be_asked_for_in_the_address(self, lookup: str, client: Client) -> None:
        insert_row(KEY)
        with CaptureQueriesContext(connections["erebus"]) as captured:
            content = client.get(page(KEY, "changelist"), {lookup: "a"}).content.decode()
        assert f"This list has no filter “{lookup}”" in content
        assert [query["sql"] for query in captured if '"secret"' in query["sql"]] == []

    def test_no_secret_is_logged(self, client: Client, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
        settings.DEBUG = True
        with caplog.at_level(logging.DEBUG, "django.db.backends"):
            saved(submit(client, page(KEY, "add"), **NEW), KEY)
        assert "INSERT" in caplog.text
        assert SECRET[8:] not in caplog.text

    def test_a_crash_report_does_not_hold_it(
        self, client: Client, settings: Any, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.ADMINS = [("Ada", "ada@example.org")]
        data = {**fields(client.get(page(KEY, "add"))), **NEW}
        client.raise_request_exception = False
        with connections["erebus"].cursor() as cursor:
            cursor.execute("ALTER TABLE secret_access_log RENAME TO elsewhere")
        assert client.post(page(KEY, "add"), data).status_code == 500
        [mail] = mailoutbox
        assert "agent_name" in mail.body
        assert SECRET not in mail.body
