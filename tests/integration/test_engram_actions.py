"""What staff can do to engrams: revert, publish, unpublish, fork. Who and why are kept in the database itself."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from agents_app.services import engrams
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused
from tests.integration import adminpages
from tests.integration.adminpages import agents, insert_engram, log_of, page, record

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

ENGRAM = "agents_app.Engram"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("grace"))
    return client


def insert_versions(*contents: str, **columns: Any) -> Any:
    """Insert an engram that has said these one after the other."""
    key = insert_engram(content=contents[0], **columns)
    for content in contents[1:]:
        agents.run("UPDATE engrams SET content = %s WHERE id = %s", [content, key])
    return key


def do(client: Client, action: str, engram: Any, /, **data: Any) -> str:
    """Send the action's form; return what the page then says."""
    response = client.post(address(action, engram), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def address(action: str, key: Any) -> str:
    return reverse(f"admin:agents_app_engram_{action}", args=[key])


def trail(key: Any) -> list[tuple[Any, ...]]:
    rows = (
        "SELECT version, content::text, changed_by, change_reason FROM engram_history WHERE engram_id = %s ORDER BY 1"
    )
    return agents.rows(rows, [key])


def ops_actions(key: Any) -> list[tuple[Any, ...]]:
    return agents.rows(
        "SELECT actor, action, detail ->> 'reason' FROM ops_actions WHERE target_table = 'engrams' AND target_id = %s "
        "ORDER BY id",
        [str(key)],
    )


class TestRevert:
    def test_what_a_version_said_becomes_a_new_version(self, client: Client) -> None:
        key = insert_engram(content='{"n": 0.12345678901234567890123}', summary="one", tags=["a"])
        agents.run("UPDATE engrams SET content = '{}', summary = NULL, tags = '{}' WHERE id = %s", [key])
        said = do(client, "revert", key, version="1", reason="vandalism")
        assert "Reverted: 1 engram. It is version 3 now." in said
        row = record(ENGRAM, key)
        assert (row["version"], row["summary"], row["tags"]) == (3, "one", ["a"])
        assert "0.12345678901234567890123" in agents.value("SELECT content::text FROM engrams WHERE id = %s", [key])
        assert trail(key)[1] == (2, "{}", "grace", "Reverted to version 1: vandalism")
        assert [action[:2] for action in ops_actions(key)] == [("grace", "revert")]
        assert "vandalism" in ops_actions(key)[0][2]
        assert log_of(key) == [2]

    def test_a_document_that_python_cannot_read_is_reverted_to(self, client: Client) -> None:
        deep = "[" * 2000 + "]" * 2000
        key = insert_versions(deep, "{}")
        assert "It is version 3 now." in do(client, "revert", key, version="1", reason="r")
        assert agents.value("SELECT content::text FROM engrams WHERE id = %s", [key]) == deep

    @pytest.mark.parametrize(
        ("version", "reason", "said"),
        [
            ("3", "r", "Version 3 is the current one already"),
            ("1", "r", "Version 1 says what the current one, 3, says"),
            ("4", "r", "There is no version 4: choose one from 1 to 2"),
            ("2147483647", "r", "There is no version 2147483647"),
            ("2147483648", "r", "less than or equal to"),
            ("0", "r", "greater than or equal to"),
            ("two", "r", "Enter a whole number"),
            ("", "r", "This field is required"),
            ("2", "", "This field is required"),
            ("2", "   ", "This field is required"),
            ("2", "x" * 256, "at most 255"),
            ("2", "a\x00b", "Null characters are not allowed"),
        ],
    )
    def test_what_cannot_be_done_is_said_and_changes_nothing(
        self, version: str, reason: str, said: str, client: Client
    ) -> None:
        key = insert_versions("1", "2", "1")
        before = record(ENGRAM, key), trail(key)
        assert said in do(client, "revert", key, version=version, reason=reason)
        assert (record(ENGRAM, key), trail(key)) == before
        assert ops_actions(key) == []

    def test_the_service_asks_for_a_reason_too(self) -> None:
        key = insert_versions("1", "2")
        with pytest.raises(ActionRefused, match="Say why"):
            engrams.revert(key, 1, Actor("grace", " "))

    def test_the_form_begins_with_the_version_of_the_link(self, client: Client) -> None:
        key = insert_versions("1", "2", "3")
        assert f"{address('revert', key)}?version=2" in client.get(page(ENGRAM, "change", key)).content.decode()
        form = adminpages.fields(client.get(address("revert", key), {"version": "2"}))
        assert form["version"] == "2"

    def test_a_version_that_the_person_has_not_seen_is_not_replaced(self, client: Client) -> None:
        key = insert_versions("1", "2")
        asked = adminpages.fields(client.get(address("revert", key), {"version": "1"}))
        agents.run("SELECT set_config('nullstore.actor', 'ann', true)")
        agents.run("UPDATE engrams SET content = '3' WHERE id = %s", [key])
        said = do(client, "revert", key, **{**asked, "reason": "r"})
        assert "It was version 2 when you were asked, and is version 3 now, written by ann" in said
        assert agents.value("SELECT content::text FROM engrams WHERE id = %s", [key]) == "3"
        asked = adminpages.fields(client.get(address("revert", key), {"version": "1"}))
        assert "It is version 4 now" in do(client, "revert", key, **{**asked, "reason": "r"})

    def test_it_is_not_offered_where_there_is_one_version(self, client: Client) -> None:
        key = insert_engram()
        assert address("revert", key) not in client.get(page(ENGRAM, "change", key)).content.decode()
        assert "not possible here" in client.get(address("revert", key), follow=True).content.decode()


class TestPublish:
    @pytest.mark.parametrize(("action", "before"), [("publish", False), ("unpublish", True)])
    def test_one(self, action: str, before: bool, client: Client) -> None:
        key = insert_engram(is_public=before)
        do(client, action, key, reason="asked for")
        assert record(ENGRAM, key)["is_public"] is not before
        assert ops_actions(key) == [("grace", action, "asked for")]
        assert trail(key) == []
        assert "already" in do(client, action, key)
        assert len(ops_actions(key)) == 1

    def test_many_and_those_that_are_public_are_named(self, client: Client) -> None:
        keys = [insert_engram(key=f"k.{number}", is_public=number == 1) for number in range(3)]
        choice = {"action": "publish", "_selected_action": keys}
        asked = client.post(page(ENGRAM, "changelist"), choice)
        assert "k.2" in asked.content.decode()
        assert [record(ENGRAM, key)["is_public"] for key in keys] == [False, True, False]
        done = client.post(page(ENGRAM, "changelist"), {**choice, "confirmed": "yes", "reason": "all"}, follow=True)
        said = done.content.decode()
        assert "Published: 2 engrams" in said
        assert "k.1 v1: It is public already" in said
        assert all(record(ENGRAM, key)["is_public"] for key in keys)


class TestFork:
    def test_the_wallet_gets_a_private_copy_that_knows_where_it_is_from(self, client: Client) -> None:
        root = insert_engram()
        key = insert_versions(
            '{"n": 1}', '{"n": 2}', key="a.b", parent_id=root, is_public=True, tags=["t"], summary="s", price_mon=3
        )
        said = do(client, "fork", key, wallet=" 0xnew ", key="", reason="for a test")
        [(copy,)] = agents.rows("SELECT id FROM engrams WHERE wallet_address = '0xnew'")
        assert str(copy) in said
        row = record(ENGRAM, copy)
        copied = {name: row[name] for name in ("key", "content", "tags", "summary", "version", "created_by")}
        assert copied == {
            "key": "a.b",
            "content": {"n": 2},
            "tags": ["t"],
            "summary": "s",
            "version": 1,
            "created_by": "grace",
        }
        assert (row["parent_id"], row["lineage_root_id"]) == (str(key), str(root))
        assert (row["is_public"], row["is_mintable"], row["price_mon"]) == (False, False, None)
        assert ops_actions(key) == [("grace", "fork", "for a test")]
        assert ops_actions(copy) == [("grace", "forked from", "for a test")]

    def test_a_version_that_the_person_has_not_seen_is_not_copied(self, client: Client) -> None:
        key = insert_versions("1", "2")
        asked = adminpages.fields(client.get(address("fork", key)))
        agents.run("UPDATE engrams SET content = '3' WHERE id = %s", [key])
        assert "is version 3 now, written by" in do(client, "fork", key, **{**asked, "wallet": "0xnew"})
        assert agents.value("SELECT count(*) FROM engrams") == 1

    def test_another_key_can_be_chosen(self, client: Client) -> None:
        key = insert_engram(wallet_address="0xa", key="a.b")
        do(client, "fork", key, wallet="0xa", key="a.c")
        assert agents.value("SELECT count(*) FROM engrams WHERE wallet_address = '0xa' AND key = 'a.c'") == 1

    @pytest.mark.parametrize(
        ("wallet", "key", "said"),
        [
            ("0xa", "a.b", "The wallet 0xa has an engram with the key a.b already"),
            ("0xa", "", "The wallet 0xa has an engram with the key a.b already"),
            ("0xb", "<b>", "The wallet 0xb has an engram with the key &lt;b&gt; already"),
            ("", "", "This field is required"),
            ("x" * 256, "", "at most 255"),
            ("0xc", "x" * 256, "at most 255"),
            ("0x\x00", "", "Null characters are not allowed"),
        ],
    )
    def test_what_cannot_be_done_is_said_and_makes_nothing(
        self, wallet: str, key: str, said: str, client: Client
    ) -> None:
        engram = insert_engram(wallet_address="0xa", key="a.b")
        insert_engram(wallet_address="0xb", key="<b>")
        assert said in do(client, "fork", engram, wallet=wallet, key=key)
        assert agents.value("SELECT count(*) FROM engrams") == 2
        assert ops_actions(engram) == []


@pytest.mark.parametrize("action", ["revert", "publish", "unpublish", "fork"])
class TestWhoMayAndWhat:
    def test_a_viewer_may_not(self, action: str) -> None:
        key, viewer = insert_versions("1", "2"), adminpages.viewer()
        for send in (viewer.get, viewer.post):
            response: HttpResponse = send(address(action, key), {"version": "1", "reason": "r", "wallet": "0xb"})
            assert response.status_code == 403
        assert address(action, key) not in viewer.get(page(ENGRAM, "change", key)).content.decode()
        choice = {"action": action, "_selected_action": [key], "confirmed": "yes"}
        viewer.post(page(ENGRAM, "changelist"), choice)
        assert (record(ENGRAM, key)["version"], agents.value("SELECT count(*) FROM engrams")) == (2, 1)

    @pytest.mark.parametrize("key", [NOBODY, "no-id", "\x00"])
    def test_an_engram_that_is_not_there_is_said(self, action: str, key: str, client: Client) -> None:
        assert client.get(address(action, key)).status_code == 302
        assert "Perhaps it was deleted" in do(client, action, key, version="1", reason="r", wallet="0xb")

    def test_the_services_say_so_too(self, action: str) -> None:
        arguments = {"revert": (1,), "fork": ("0xb", "")}.get(action, ())
        with pytest.raises(ActionRefused, match="not there any more"):
            getattr(engrams, action)(NOBODY, *arguments, Actor("grace", "r"))
