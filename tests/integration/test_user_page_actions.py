"""Deactivate, reactivate and log out everywhere: asked first, logged, refused by name; on one user and on many."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from erebus_app.services import users
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused
from tests.integration import adminpages
from tests.integration.adminpages import page, record
from tests.integration.consoleactions import (
    address,
    buttons,
    content,
    log_texts,
    press,
    press_many,
    refused_by_a_faster_one,
    said,
    section,
)
from tests.integration.erebus_rows import execute, insert

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

USER = "erebus_app.UserReference"
ADA = Actor("ada", "because")


def is_active(key: Any) -> bool:
    return bool(record(USER, key)["is_active"])


def active_sessions(key: Any) -> int:
    return len(execute("SELECT FROM sessions WHERE user_id = %s AND revoked_at IS NULL", key))


@in_databases
class TestDeactivate:
    def test_asks_first(self, client: Client) -> None:
        key = insert("user_references", source_identifier="<ada>")["id"]
        asked = content(client.get(address(USER, key, "deactivate")))
        assert "&lt;ada&gt; (email)" in asked
        assert 'type="checkbox" name="revoke"' in asked
        assert is_active(key)

    @pytest.mark.parametrize(
        ("chosen", "left", "answer"), [({"revoke": "on"}, 0, "2 sessions were revoked."), ({}, 2, "")]
    )
    def test_revokes_sessions_if_chosen(self, chosen: dict[str, str], left: int, answer: str, client: Client) -> None:
        key = insert("user_references")["id"]
        for _ in range(2):
            insert("sessions", user_id=key)
        shown = press(client, USER, key, "deactivate", reason="left us", **chosen)
        assert said(shown) == f"Deactivated: 1 user. {answer}".strip()
        assert (is_active(key), active_sessions(key)) == (False, left)

    def test_is_logged_and_shown_with_the_reason(self, client: Client) -> None:
        key = insert("user_references")["id"]
        shown = press(client, USER, key, "deactivate", reason="asked for <it>")
        assert log_texts(key) == ["Deactivated. Reason: asked for <it>"]
        assert "Deactivated. Reason: asked for &lt;it&gt;" in section(shown, "happened")
        assert "inactive" in section(shown, "happened")

    def test_of_an_inactive_one_is_refused(self, client: Client) -> None:
        key = insert("user_references", source_identifier="ada", is_active=False)["id"]
        assert "ada (email) is inactive already" in said(press(client, USER, key, "deactivate"))
        assert log_texts(key) == []

    def test_of_many_names_those_that_it_was_not_done_to(self, client: Client) -> None:
        active = [insert("user_references")["id"] for _ in range(2)]
        gone = insert("user_references", source_identifier="bob", is_active=False)["id"]
        answer = said(press_many(client, USER, [*active, gone], "deactivate", reason="spam"))
        assert "Deactivated: 2 users." in answer
        assert "Not done to 1 user: bob (email): bob (email) is inactive already." in answer
        assert not any(is_active(key) for key in active)

    def test_cannot_be_done_by_the_form(self, client: Client) -> None:
        key = insert("user_references")["id"]
        adminpages.submit(client, page(USER, "change", key), is_active="")
        assert is_active(key)


@in_databases
class TestReactivate:
    def test_brings_back_whom_nobody_has_replaced(self, client: Client) -> None:
        key = insert("user_references", is_active=False, email="ada@example.org")["id"]
        assert said(press(client, USER, key, "reactivate")) == "Reactivated: 1 user."
        assert is_active(key)
        assert log_texts(key) == ["Reactivated."]

    @pytest.mark.parametrize(
        ("same", "what"),
        [
            ({"source_identifier": "ada"}, "this source identifier on this network"),
            ({"email": "ada@example.org"}, "the e-mail address ada@example.org"),
        ],
    )
    def test_names_the_active_user_who_is_in_the_way(self, same: dict[str, str], what: str, client: Client) -> None:
        key = insert("user_references", is_active=False, **{"source_identifier": "old", **same})["id"]
        other = insert("user_references", **{"source_identifier": "new", **same})
        answer = said(press(client, USER, key, "reactivate"))
        assert f"Another active user has {what}: {other['source_identifier']} (email), id {other['id']}" in answer
        assert not is_active(key)

    def test_of_two_inactive_ones_with_one_name_brings_back_the_first(self, client: Client) -> None:
        keys = [insert("user_references", source_identifier="ada", is_active=False)["id"] for _ in range(2)]
        answer = said(press_many(client, USER, keys, "reactivate"))
        assert "Reactivated: 1 user." in answer
        assert "Not done to 1 user" in answer
        assert sorted(is_active(key) for key in keys) == [False, True]


@in_databases
class TestRevokeSessions:
    def test_ends_them_all_and_no_others(self, client: Client) -> None:
        key, other = insert("user_references")["id"], insert("user_references")["id"]
        for user in (key, key, other):
            insert("sessions", user_id=user)
        answer = said(press(client, USER, key, "revoke_sessions", reason="stolen"))
        assert answer == "Logged out everywhere: 1 user. 2 sessions were revoked."
        assert (active_sessions(key), active_sessions(other)) == (0, 1)
        assert log_texts(key) == ["Logged out everywhere. 2 sessions were revoked. Reason: stolen"]

    def test_twice_is_refused(self, client: Client) -> None:
        key = insert("user_references", source_identifier="ada")["id"]
        insert("sessions", user_id=key)
        press(client, USER, key, "revoke_sessions")
        assert "ada (email) has no active session" in said(press(client, USER, key, "revoke_sessions"))
        assert len(log_texts(key)) == 1


@in_databases
class TestWhoMay:
    @pytest.mark.parametrize("action", ["deactivate", "reactivate", "revoke_sessions"])
    def test_a_viewer_is_offered_nothing_and_refused(self, action: str) -> None:
        watcher = adminpages.viewer()
        key = insert("user_references", is_active=action != "reactivate")["id"]
        insert("sessions", user_id=key)
        before = record(USER, key)
        assert not buttons(watcher.get(page(USER, "change", key)))
        for answer in (watcher.get(address(USER, key, action)), watcher.post(address(USER, key, action), {})):
            assert answer.status_code == 403
        press_many(watcher, USER, [key], action)
        assert (record(USER, key), active_sessions(key), log_texts(key)) == (before, 1, [])

    def test_buttons_are_those_that_make_sense(self, client: Client) -> None:
        for active, expected in ((True, "Deactivate"), (False, "Reactivate")):
            key = insert("user_references", is_active=active)["id"]
            assert buttons(client.get(page(USER, "change", key))) == {expected, "Revoke all sessions"}

    @pytest.mark.parametrize("key", ["no uuid", uuid4(), "\x00"])
    def test_an_unknown_user_is_a_message(self, key: Any, client: Client) -> None:
        answer = client.post(
            f"/admin/erebus_app/userreference/{key}/do/deactivate/".replace("\x00", "%00"), follow=True
        )
        assert answer.status_code == 200
        assert "exist" in said(answer)

    @pytest.mark.parametrize("act", [users.deactivate, users.reactivate, users.revoke_sessions])
    def test_a_user_who_has_gone_meanwhile_is_refused(self, act: Any) -> None:
        with pytest.raises(ActionRefused, match="There is no user"):
            act(uuid4(), ADA)


class TestAtOnce:
    def test_who_is_replaced_while_being_reactivated_stays_inactive(self, committed_erebus: None) -> None:
        key = insert("user_references", source_identifier="ada", is_active=False)["id"]
        refusal = refused_by_a_faster_one(
            "INSERT INTO user_references (source_identifier, network) VALUES (%s, 'email')",
            ["ada"],
            lambda: users.reactivate(key, ADA),
        )
        assert "Another active user has this source identifier" in refusal
        assert not is_active(key)

    def test_the_second_who_deactivates_is_told(self, committed_erebus: None) -> None:
        key = insert("user_references", source_identifier="ada")["id"]
        refusal = refused_by_a_faster_one(
            "UPDATE user_references SET is_active = false WHERE id = %s", [key], lambda: users.deactivate(key, ADA)
        )
        assert refusal == "ada (email) is inactive already."
