"""What can be done with API keys, and what the log says of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connections

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import add_key, delete_key, keys_of_agent, reveal_key, revoke_key, rotate_key, twins_of
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused, DecryptionError
from tests.integration.adminpages import record
from tests.integration.keypages import KEY, OTHER, SECRET, log, make_key

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])


@pytest.fixture
def key() -> AgentApiKey:
    return make_key()


@pytest.mark.parametrize(
    "write",
    [
        lambda key, actor: add_key(AgentApiKey(agent_name="writer", provider="groq"), OTHER, actor),
        lambda key, actor: rotate_key(key.pk, OTHER, actor),
        lambda key, actor: revoke_key(key.pk, actor),
        lambda key, actor: reveal_key(key.pk, actor),
    ],
    ids=["add", "rotate", "revoke", "reveal"],
)
def test_key_and_log_are_written_together_or_not_at_all(write: Callable[..., Any], key: AgentApiKey) -> None:
    before = record(KEY, key.pk)
    with connections["erebus"].cursor() as cursor:
        cursor.execute("ALTER TABLE secret_access_log ADD CHECK (actor <> 'mallory')")
    with pytest.raises(IntegrityError):
        write(key, Actor("mallory", "because"))
    assert AgentApiKey.objects.count() == 1
    assert record(KEY, key.pk) == before


def test_rotation_writes_the_secret_and_nothing_else(key: AgentApiKey) -> None:
    AgentApiKey.objects.update(usage_count=7)
    rotate_key(key.pk, OTHER, Actor("ada", "leaked", "::1"))
    assert record(KEY, key.pk)["usage_count"] == 7
    assert SecretAccessLog.objects.filter(actor="ada", ip_address="::1", reason="leaked").exists()


def test_the_same_secret_is_no_rotation_but_mends_what_cannot_be_read(key: AgentApiKey) -> None:
    with pytest.raises(ActionRefused, match="has already"):
        rotate_key(key.pk, f" {SECRET}\n", Actor("ada"))
    AgentApiKey.objects.update(secret=b"damaged")
    assert rotate_key(key.pk, SECRET, Actor("ada")).reveal() == SECRET


def test_a_revoked_key_stays_as_it_is(key: AgentApiKey) -> None:
    revoke_key(key.pk, Actor("ada", "leaked"))
    before = record(KEY, key.pk)
    assert (before["is_active"], before["revoked_at"] is None) == (False, False)
    for attempt in (
        lambda: rotate_key(key.pk, OTHER, Actor("ada", "r")),
        lambda: revoke_key(key.pk, Actor("ada", "r")),
        lambda: reveal_key(key.pk, Actor("ada", "r")),
    ):
        with pytest.raises(ActionRefused, match=r"revoked on .* delete this key and add a new one"):
            attempt()
    assert record(KEY, key.pk) == before
    assert [entry[0] for entry in log()] == ["added", "revoked"]


@pytest.mark.parametrize("do", [revoke_key, reveal_key])
def test_no_reason_no_action(do: Callable[..., Any], key: AgentApiKey) -> None:
    with pytest.raises(ActionRefused, match="needs a reason"):
        do(key.pk, Actor("ada", "  "))
    assert len(log()) == 1


def test_only_a_revoked_key_is_deleted_and_its_log_stays(key: AgentApiKey) -> None:
    with pytest.raises(ActionRefused, match="Revoke it first"):
        delete_key(key.pk, Actor("ada"))
    revoke_key(key.pk, Actor("ada", "leaked"))
    delete_key(key.pk, Actor("grace"))
    assert not AgentApiKey.objects.exists()
    assert [(action, actor) for action, _, actor, _ in log()][1:] == [("revoked", "ada"), ("revoked", "grace")]
    assert SecretAccessLog.objects.latest("pk").reason == "The key was deleted."
    with pytest.raises(ActionRefused, match="has been deleted"):
        rotate_key(key.pk, OTHER, Actor("ada"))


def test_a_reveal_gives_the_secret_and_is_logged_with_who_why_and_from_where(key: AgentApiKey) -> None:
    assert reveal_key(key.pk, Actor("grace", "to test it", "192.0.2.9")) == SECRET
    assert log()[1:] == [("revealed", "scribe", "grace", "192.0.2.9")]
    assert SecretAccessLog.objects.latest("pk").reason == "to test it"


def test_what_cannot_be_decrypted_is_not_logged_as_revealed(key: AgentApiKey) -> None:
    AgentApiKey.objects.update(secret=b"\x01\x02k9\x80")
    with pytest.raises(DecryptionError, match="'k9'"):
        reveal_key(key.pk, Actor("grace", "to test it"))
    assert len(log()) == 1


def test_keys_are_found_by_agent_and_by_equal_secrets(key: AgentApiKey) -> None:
    copy, other = make_key("copyist"), make_key("other", OTHER)
    assert list(keys_of_agent("scribe")) == [key]
    assert list(twins_of(key)) == [copy]
    assert list(twins_of(other)) == []
    AgentApiKey.objects.update(key_fingerprint=None)
    assert list(twins_of(AgentApiKey.objects.get(pk=key.pk))) == []
