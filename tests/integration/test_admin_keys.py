"""API keys in the admin: a secret goes in, and never comes out."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import Access, add_key, rotate_key
from tests.integration import adminpages
from tests.integration.adminpages import errors, fields, insert_row, page, record, saved, submit

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

KEY = "erebus_app.AgentApiKey"
LOG = "erebus_app.SecretAccessLog"
SECRET = "sk-ant-api03-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2"
OTHER = "sk-ant-api03-Gh47bX2sQmJyVd5nTk86LwPzCeRa9UfB1"
NEW = {"agent_name": "scribe", "provider": "anthropic", "new_secret": SECRET}


@pytest.fixture
def client() -> Client:
    client = adminpages.superuser()
    client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    return client


@pytest.fixture
def key(client: Client) -> AgentApiKey:
    saved(submit(client, page(KEY, "add"), **NEW), KEY)
    return AgentApiKey.objects.get()


def log() -> list[tuple[Any, ...]]:
    return list(SecretAccessLog.objects.order_by("pk").values_list("action", "agent_name", "actor", "ip_address"))


def username(client: Client) -> str:
    return LogEntry.objects.filter(user_id=client.session["_auth_user_id"]).first().user.get_username()


def traces(key: AgentApiKey, secret: str = SECRET) -> list[str]:
    """The forms in which a secret or its ciphertext could appear: as text, base64, hex, or as Python shows bytes."""
    stored = bytes(AgentApiKey.objects.get(pk=key.pk).secret)
    return [secret, secret[8:], base64.b64encode(stored).decode(), stored.hex(), repr(stored)[2:-1], "memory at"]


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
    def test_an_empty_field_keeps_the_secret(self, client: Client, key: AgentApiKey) -> None:
        before = bytes(key.secret)
        saved(submit(client, page(KEY, "change", key.pk), key_name="spare"), KEY)
        key.refresh_from_db()
        assert (key.key_name, bytes(key.secret)) == ("spare", before)
        assert [entry[0] for entry in log()] == ["added"]

    def test_a_new_secret_replaces_the_old_and_is_logged(self, client: Client, key: AgentApiKey) -> None:
        fingerprint = key.key_fingerprint
        saved(submit(client, page(KEY, "change", key.pk), new_secret=f" {OTHER}\n", agent_name="writer"), KEY)
        key.refresh_from_db()
        assert (key.reveal(), key.key_suffix, key.agent_name) == (OTHER, OTHER[-4:], "writer")
        assert key.key_fingerprint != fingerprint
        assert log()[1:] == [("rotated", "writer", username(client), "192.0.2.7")]

    def test_a_key_whose_secret_cannot_be_read_is_shown_and_can_be_rotated(self, client: Client) -> None:
        pk = insert_row(KEY)
        address = page(KEY, "change", pk)
        assert client.get(address).status_code == 200
        saved(submit(client, address, new_secret=OTHER), KEY)
        assert AgentApiKey.objects.get(pk=pk).reveal() == OTHER

    def test_what_a_service_counts_meanwhile_is_not_lost(self, client: Client, key: AgentApiKey) -> None:
        stale = fields(client.get(page(KEY, "change", key.pk)))
        with connections["erebus"].cursor() as cursor:
            cursor.execute("UPDATE agent_api_keys SET usage_count = 7, last_used_at = now()")
        saved(client.post(page(KEY, "change", key.pk), {**stale, "key_name": "spare", "new_secret": OTHER}), KEY)
        assert record(KEY, key.pk)["usage_count"] == 7

    def test_key_and_log_are_written_together_or_not_at_all(self, client: Client, key: AgentApiKey) -> None:
        with connections["erebus"].cursor() as cursor:
            cursor.execute("ALTER TABLE secret_access_log ADD CHECK (action <> 'rotated')")
        response = submit(client, page(KEY, "change", key.pk), new_secret=OTHER)
        assert "The database refused this" in errors(response)
        assert AgentApiKey.objects.get().reveal() == SECRET


class TestServices:
    @pytest.mark.parametrize("write", [add_key, rotate_key])
    def test_key_and_log_are_written_together_or_not_at_all(self, write: Callable[..., None], key: AgentApiKey) -> None:
        with connections["erebus"].cursor() as cursor:
            cursor.execute("ALTER TABLE secret_access_log ADD CHECK (actor <> 'mallory')")
        other = AgentApiKey(agent_name="writer", provider="groq") if write is add_key else key
        with pytest.raises(IntegrityError):
            write(other, OTHER, Access("mallory"))
        assert [each.reveal() for each in AgentApiKey.objects.all()] == [SECRET]

    def test_rotation_writes_the_secret_and_nothing_else(self, key: AgentApiKey) -> None:
        stale = AgentApiKey.objects.get()
        AgentApiKey.objects.update(usage_count=7)
        rotate_key(stale, OTHER, Access("ada", "::1", "leaked"))
        assert record(KEY, key.pk)["usage_count"] == 7
        assert SecretAccessLog.objects.filter(actor="ada", ip_address="::1", reason="leaked").exists()


class TestSecrecy:
    def test_no_page_shows_secret_or_ciphertext(self, client: Client, key: AgentApiKey) -> None:
        submit(client, page(KEY, "change", key.pk), new_secret=OTHER)
        entry = SecretAccessLog.objects.latest("pk").pk
        pages = [
            client.get(page(KEY, "changelist")),
            client.get(page(KEY, "changelist"), {"q": "scribe"}),
            client.get(page(KEY, "change", key.pk)),
            client.get(page(KEY, "history", key.pk)),
            client.get(page(KEY, "delete", key.pk)),
            client.post(page(KEY, "changelist"), {"action": "delete_selected", "_selected_action": key.pk}),
            client.get(page(LOG, "changelist")),
            client.get(page(LOG, "change", entry)),
            client.get("/admin/"),
        ]
        for response in pages:
            assert response.status_code == 200
            body = response.content.decode()
            assert [trace for trace in traces(key) + traces(key, OTHER) if trace in body] == []

    @pytest.mark.parametrize("secret", [SECRET + "\nsecond line", SECRET + "\x00", SECRET * 200])
    @pytest.mark.parametrize("adding", [True, False], ids=["add", "change"])
    def test_a_refused_secret_is_not_sent_back(self, secret: str, adding: bool, client: Client) -> None:
        address = page(KEY, "add") if adding else page(KEY, "change", insert_row(KEY))
        response = submit(client, address, **{**NEW, "new_secret": secret})
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
        assert client.get(page(KEY, "changelist"), {lookup: "a"}).status_code == 400

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
