"""Sessions and wallets: found by what an index knows, ended by an action, and no token's hash on any page."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from erebus_app.services import sessions
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused
from tests.integration import adminpages
from tests.integration.adminpages import page, record
from tests.integration.consoleactions import (
    address,
    buttons,
    log_texts,
    operator,
    press,
    press_many,
    refused_by_a_faster_one,
    said,
)
from tests.integration.erebus_rows import insert

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

SESSION, WALLET = "erebus_app.AuthSession", "erebus_app.Wallet"
PAST = datetime.now(UTC) - timedelta(days=3)
EXPIRED = {"created_at": PAST, "expires_at": PAST + timedelta(days=1)}
REVOKED = {"revoked_at": PAST}


def listed(client: Client, label: str, **query: Any) -> list[Any]:
    return [row.pk for row in client.get(page(label, "changelist"), query).context["cl"].result_list]


@in_databases
class TestRevoke:
    def test_ends_the_session_and_is_logged(self, client: Client) -> None:
        key, other = insert("sessions")["id"], insert("sessions")["id"]
        assert said(press(client, SESSION, key, "revoke", reason="lost phone")) == "Revoked: 1 session."
        assert record(SESSION, key)["revoked_at"]
        assert record(SESSION, other)["revoked_at"] is None
        assert log_texts(key) == ["Revoked. Reason: lost phone"]

    def test_twice_is_refused_and_the_first_time_stays(self, client: Client) -> None:
        key = insert("sessions", **REVOKED)["id"]
        before = record(SESSION, key)
        assert f"It was revoked at {PAST:%Y-%m-%d %H:%M:%S} UTC already" in said(press(client, SESSION, key, "revoke"))
        assert (record(SESSION, key), log_texts(key)) == (before, [])

    def test_of_many_names_those_that_have_ended(self, client: Client) -> None:
        keys = [insert("sessions", **columns)["id"] for columns in ({}, EXPIRED, REVOKED)]
        answer = said(press_many(client, SESSION, keys, "revoke"))
        assert "Revoked: 1 session." in answer
        assert "Not done to 2 sessions" in answer
        assert "It expired at" in answer
        assert record(SESSION, keys[1])["revoked_at"] is None

    def test_is_offered_where_it_makes_sense_and_to_those_who_may(self, client: Client) -> None:
        keys = [insert("sessions", **columns)["id"] for columns in ({}, EXPIRED, REVOKED)]
        shown = [buttons(client.get(page(SESSION, "change", key))) for key in keys]
        assert shown == [{"Revoke"}, set(), set()]
        watcher = adminpages.viewer()
        assert not buttons(watcher.get(page(SESSION, "change", keys[0])))
        assert watcher.post(address(SESSION, keys[0], "revoke"), {}).status_code == 403
        assert record(SESSION, keys[0])["revoked_at"] is None

    def test_one_that_has_gone_is_refused(self) -> None:
        with pytest.raises(ActionRefused, match="There is no session"):
            sessions.revoke(uuid4(), Actor("ada"))


def test_the_second_who_revokes_is_told(committed_erebus: None) -> None:
    key = insert("sessions")["id"]
    refusal = refused_by_a_faster_one(
        "UPDATE sessions SET revoked_at = now() WHERE id = %s", [key], lambda: sessions.revoke(key, Actor("ada"))
    )
    assert "It was revoked at" in refusal


@in_databases
class TestSessions:
    def test_a_filter_by_state(self, client: Client) -> None:
        keys = {
            state: insert("sessions", **columns)["id"]
            for state, columns in {"active": {}, "expired": EXPIRED, "revoked": {**EXPIRED, **REVOKED}}.items()
        }
        for state, key in keys.items():
            assert listed(client, SESSION, state=state) == [key]

    def test_are_found_by_their_user_and_wallet(self, client: Client) -> None:
        wallet = insert("wallets")
        session = insert("sessions", user_id=wallet["user_id"], wallet_id=wallet["id"])
        insert("sessions")
        for key in (session["id"], wallet["user_id"], wallet["id"]):
            for text in (str(key), str(key)[:8]):
                assert listed(client, SESSION, q=text) == [session["id"]]

    @pytest.mark.parametrize("who", [adminpages.superuser, adminpages.viewer])
    def test_show_the_beginning_of_the_hash_only(self, who: Any) -> None:
        session = insert("sessions", token_hash="0123456789abcdef" * 4)
        shown = who().get(page(SESSION, "change", session["id"])).content.decode()
        assert "01234567…" in shown
        assert "012345678" not in shown

    @pytest.mark.parametrize("who", [adminpages.superuser, operator])
    @pytest.mark.parametrize("columns", [{}, REVOKED])
    def test_are_not_edited_by_anybody(self, who: Any, columns: dict[str, Any]) -> None:
        key, victim = insert("sessions", **columns)["id"], insert("user_references")["id"]
        wallet = insert("wallets", user_id=victim)["id"]
        before, client = record(SESSION, key), who()
        shown = client.get(page(SESSION, "change", key))
        for name in ("user", "wallet", "expires_at_0", "revoked_at_0", "token_hash", "_save"):
            assert f'name="{name}"' not in shown.content.decode()
        wanted = {"user": victim, "wallet": wallet, "expires_at_0": "2999-01-01", "expires_at_1": "00:00"}
        sent = {**adminpages.fields(shown), **wanted, "revoked_at_0": "", "revoked_at_1": "", "token_hash": "f" * 64}
        assert client.post(page(SESSION, "change", key), sent).status_code == 403
        assert (record(SESSION, key), log_texts(key)) == (before, [])

    def test_an_operator_revokes_one_and_several(self) -> None:
        keys, client = [insert("sessions")["id"] for _ in range(3)], operator()
        assert buttons(client.get(page(SESSION, "change", keys[0]))) == {"Revoke"}
        assert said(press(client, SESSION, keys[0], "revoke")) == "Revoked: 1 session."
        assert said(press_many(client, SESSION, keys[1:], "revoke")) == "Revoked: 2 sessions."


@in_databases
class TestWallets:
    ADDRESS = "0xAbCdEf0123456789aBcDeF0123456789AbCdEf01"

    @pytest.mark.parametrize("text", [ADDRESS, ADDRESS.lower(), "0xabcdef", "0XABCDEF"])
    def test_are_found_by_the_beginning_of_the_address_in_any_case(self, text: str, client: Client) -> None:
        key = insert("wallets", address=self.ADDRESS)["id"]
        insert("wallets")
        assert listed(client, WALLET, q=text) == [key]

    @pytest.mark.parametrize("text", ["0x_", "%", "\x00", "bcdef"])
    def test_are_not_found_by_what_is_no_beginning(self, text: str, client: Client) -> None:
        insert("wallets", address=self.ADDRESS)
        assert listed(client, WALLET, q=text) == []

    def test_are_found_by_their_user(self, client: Client) -> None:
        wallet = insert("wallets")
        insert("wallets")
        assert listed(client, WALLET, q=str(wallet["user_id"])) == [wallet["id"]]

    def test_filters(self, client: Client) -> None:
        key = insert("wallets", chain="base", is_primary=True, verified_at=PAST)["id"]
        insert("wallets")
        for query in ({"chain": "base"}, {"is_primary": "1"}, {"verified_at__isnull": "0"}):
            assert listed(client, WALLET, **query) == [key]
