"""The list of users and the page of one: who he is, what he has in both databases, and what happened to him."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from nullstore.admin import outage
from tests.integration import adminpages, keypages
from tests.integration.adminpages import insert_engram, insert_replica, insert_task, page, record
from tests.integration.consoleactions import buttons, content, operator, press, section
from tests.integration.erebus_rows import execute, insert
from tests.integration.meanwhile import SECTION, after
from tests.servers import free_ports

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

USER = "erebus_app.UserReference"
ADDRESS = "0xAbCdEf0123456789aBcDeF0123456789AbCdEf01"


def found(client: Client, **query: Any) -> list[Any]:
    return [user.pk for user in client.get(page(USER, "changelist"), query).context["cl"].result_list]


def user_page(client: Client, key: Any) -> Any:
    return client.get(page(USER, "change", key))


@in_databases
class TestSearch:
    @pytest.mark.parametrize(
        "text",
        [
            "ada.l",
            "ADA.L",
            "Ada.Lovelace@Example.org",
            "0xfeed",
            "11111111-2222",
            "11112222",
            "111111112222",
            " 0xfeed ",
        ],
    )
    def test_by_the_beginning_of_an_id_source_identifier_or_e_mail(self, text: str, client: Client) -> None:
        key = insert(
            "user_references",
            id="11111111-2222-4000-8000-000000000000",
            source_identifier="0xfeed",
            email="Ada.Lovelace@example.org",
        )["id"]
        insert("user_references", id="11112222-3333-4000-8000-000000000000", source_identifier="bob", email="bob@x.org")
        expected = {"11112222": "11112222-3333-4000-8000-000000000000"}.get(text, str(key))
        assert [str(each) for each in found(client, q=text)] == [expected]

    @pytest.mark.parametrize("text", ["%", "_", "\\", "a" * 300, "\x00", "'", "ää", "-----", "1"])
    def test_of_what_nobody_has_finds_nobody(self, text: str, client: Client) -> None:
        insert("user_references", source_identifier="ada", email="ada@example.org")
        assert found(client, q=text) == []

    def test_filters_are_addresses(self, client: Client) -> None:
        gone = insert("user_references", is_active=False, network="solana", user_type="agent")["id"]
        insert("user_references")
        for query in ({"is_active": "0"}, {"network": "solana"}, {"user_type": "agent"}):
            assert found(client, **query) == [gone], query
        assert len(found(client, created_at__within="hour")) == 2


@in_databases
class TestPage:
    def test_shows_wallets_tasks_and_engrams_with_links(self, client: Client) -> None:
        key = insert("user_references")["id"]
        wallet = insert("wallets", user_id=key, address=ADDRESS, chain="base")["id"]
        insert_replica(id=key)
        task, engram = (
            insert_task(user_id=key, name="Swap <b>"),
            insert_engram(wallet_address=ADDRESS.lower(), key="a.b"),
        )
        insert_engram(wallet_address="0xother", key="of.somebody.else")
        shown = user_page(client, key)
        assert page("erebus_app.Wallet", "change", wallet) in section(shown, "wallets")
        assert f'{page("agents_app.Task", "change", task)}">Swap &lt;b&gt;</a>' in section(shown, "tasks")
        assert page("agents_app.Engram", "change", engram) in section(shown, "engrams")
        assert "of.somebody.else" not in content(shown)

    def test_lists_the_newest_ten_tasks_and_leads_to_all(self, client: Client) -> None:
        key = insert("user_references")["id"]
        for number in range(12):
            created = datetime.now(UTC) - timedelta(minutes=number)
            insert_task(user_id=key, name=f"number {number:02}", created_at=created)
        tasks = section(user_page(client, key), "tasks")
        assert [f"number {number:02}" in tasks for number in (0, 9, 10, 11)] == [True, True, False, False]
        listed = client.get(f"{page('agents_app.Task', 'changelist')}?q={key}")
        assert f"?q={key}" in tasks
        assert listed.context["cl"].result_count == 12

    def test_tells_active_sessions_from_ended_ones(self, client: Client) -> None:
        key = insert("user_references")["id"]
        past = datetime.now(UTC) - timedelta(days=2)
        insert("sessions", user_id=key, user_agent="Firefox")
        insert("sessions", user_id=key, user_agent="Opera", created_at=past, expires_at=past + timedelta(hours=1))
        insert("sessions", user_id=key, user_agent="Lynx", revoked_at=past)
        sessions = section(user_page(client, key), "sessions")
        rows = {name: row for row in sessions.split("<tr>") for name in ("Firefox", "Opera", "Lynx") if name in row}
        for name, state in (("Firefox", "active"), ("Opera", "expired"), ("Lynx", "revoked")):
            assert f"</span> {state}</span>" in rows[name]

    def test_says_what_happened_and_who_did_it(self, client: Client) -> None:
        key = insert("user_references", created_at=datetime.now(UTC) - timedelta(days=9))["id"]
        insert("sessions", user_id=key, ip_address="203.0.113.7")
        adminpages.submit(client, page(USER, "change", key), email="new@example.org")
        happened = section(user_page(client, key), "happened")
        name = str(client.get("/admin/").context["user"])
        for what in ("Came in", "Logged in from 203.0.113.7", "Changed Email.", name):
            assert what in happened
        assert happened.index("Logged in") < happened.index("<td>Came in</td>")

    def test_says_who_revoked_a_session_and_why(self, client: Client) -> None:
        key, other = (insert("user_references")["id"] for _ in range(2))
        by_staff = insert("sessions", user_id=key, ip_address="203.0.113.7")["id"]
        insert("sessions", user_id=key, ip_address="203.0.113.8", revoked_at=datetime.now(UTC))
        press(client, "erebus_app.AuthSession", by_staff, "revoke", reason="lost phone")
        press(client, "erebus_app.AuthSession", insert("sessions", user_id=other)["id"], "revoke", reason="of another")
        happened = section(user_page(client, key), "happened")
        name = str(client.get("/admin/").context["user"])
        rows = [row for row in happened.split("<tr>") if "evoked" in row]
        assert sorted(part for row in rows for part in re.findall("<td>([^<]*)</td><td>([^<]*)</td>", row)) == [
            ("Session from 203.0.113.7: Revoked. Reason: lost phone", name),
            ("Session from 203.0.113.8 revoked", "-"),
        ]

    def test_says_what_happened_the_newest_first_however_many_wallets_there_are(self, client: Client) -> None:
        start = datetime.now(UTC) - timedelta(days=30)
        key = insert("user_references", created_at=start)["id"]
        addresses = [f"0x{number:040x}" for number in range(20)]
        for number, address in enumerate(addresses):
            insert("wallets", user_id=key, address=address, created_at=start + timedelta(days=number))
        happened = section(user_page(client, key), "happened")
        assert re.findall("0x[0-9a-f]{40}", happened) == addresses[:-13:-1]
        assert "Older events are left out" in happened

    def test_of_one_who_was_deleted_meanwhile_opens_and_says_so(self, client: Client) -> None:
        key = insert("user_references")["id"]
        with after(SECTION, lambda: execute("DELETE FROM user_references WHERE id = %s", key)):
            shown = user_page(client, key)
        assert "has been deleted meanwhile" in section(shown, "happened")

    def test_leads_to_the_engrams_of_each_spelling_of_a_wallet(self, client: Client) -> None:
        key = insert("user_references")["id"]
        insert("wallets", user_id=key, address=ADDRESS, chain="base")
        for number in range(6):
            for wallet in (ADDRESS, ADDRESS.lower()):
                insert_engram(wallet_address=wallet, key=f"a.b{number}")
        engrams = section(user_page(client, key), "engrams")
        links = re.findall(r'<p><a href="([^"]+)">See all engrams of (\w+)</a>', engrams)
        listed = {address: client.get(link).context["cl"].result_list for link, address in links}
        assert {address: len(rows) for address, rows in listed.items()} == {ADDRESS: 6, ADDRESS.lower(): 6}

    def test_leads_to_no_empty_list_of_engrams(self, client: Client) -> None:
        key = insert("user_references")["id"]
        for address in (ADDRESS, ADDRESS.replace("f01", "f02")):
            insert("wallets", user_id=key, address=address, chain="base")
        engram = insert_engram(wallet_address=ADDRESS.lower(), key="a.b")
        [link] = re.findall(r'<p><a href="([^"]+)">The list of engrams of', section(user_page(client, key), "engrams"))
        assert [row.pk for row in client.get(link).context["cl"].result_list] == [engram]

    def test_shows_of_other_tables_only_what_one_may_see(self) -> None:
        key = insert("user_references")["id"]
        insert_task(user_id=key, name="a secret task")
        insert("wallets", user_id=key, address=ADDRESS, chain="base")
        watcher = adminpages.viewer()
        user = watcher.get("/admin/").context["user"]
        user.user_permissions.remove(user.user_permissions.get(codename="view_task"))
        shown = user_page(watcher, key)
        assert "a secret task" not in content(shown)
        assert section(shown, "wallets")
        assert ADDRESS in section(shown, "happened")

    def test_shows_nobody_what_happened_of_other_tables_that_he_may_not_see(self) -> None:
        key = insert("user_references")["id"]
        insert("wallets", user_id=key, address=ADDRESS, chain="base")
        insert("sessions", user_id=key, ip_address="203.0.113.7")
        shown = user_page(keypages.staff("view_userreference"), key)
        assert "Came in" in section(shown, "happened")
        assert [each for each in (ADDRESS, "203.0.113.7", "Logged in") if each in content(shown)] == []

    def test_takes_as_many_queries_for_many_rows_as_for_few(self, client: Client) -> None:
        def queries(key: Any) -> tuple[int, int]:
            with (
                CaptureQueriesContext(connections["erebus"]) as erebus,
                CaptureQueriesContext(connections["agents"]) as agents,
            ):
                user_page(client, key)
            return len(erebus), len(agents)

        few, many = (insert("user_references")["id"] for _ in range(2))
        for key, rows in ((few, 1), (many, 9)):
            insert_replica(id=key)
            for _ in range(rows):
                address = insert("wallets", user_id=key)["address"]
                insert("sessions", user_id=key)
                insert_task(user_id=key, assigned_agent_id=adminpages.insert_agent())
                insert_engram(wallet_address=address)
        user_page(client, few)
        assert queries(many) == queries(few)


@in_databases
class TestIdentity:
    GIVEN = {
        "source_identifier": "0xattacker",
        "network": "elsewhere",
        "email": "attacker@example.org",
        "source_type": '{"type": "oauth", "provider": "mine"}',
    }
    REST = {"user_type": "agent", "metadata": '{"seen": 1}', "preferences": '{"dark": true}'}

    def test_an_operator_edits_what_is_left(self) -> None:
        key, olga = insert("user_references", email="ada@example.org")["id"], operator()
        before = record(USER, key)
        shown = user_page(olga, key)
        assert {name for name in (*self.GIVEN, *self.REST) if name in adminpages.fields(shown)} == set(self.REST)
        answer = adminpages.submit(olga, page(USER, "change", key), **self.GIVEN, **self.REST)
        adminpages.saved(answer, USER)
        after = record(USER, key)
        assert {name for name in after if after[name] != before[name]} == set(self.REST)
        assert {"Deactivate", "Revoke all sessions"} <= buttons(shown)

    def test_a_superuser_edits_it(self, client: Client) -> None:
        key = insert("user_references")["id"]
        adminpages.saved(adminpages.submit(client, page(USER, "change", key), **self.GIVEN), USER)
        after = record(USER, key)
        assert [after[name] for name in self.GIVEN][:3] == list(self.GIVEN.values())[:3]


@in_databases
class TestCopy:
    def copy_of(self, key: Any, **changed: Any) -> None:
        row = record(USER, key)
        columns = ("source_identifier", "network", "user_type", "source_type", "email", "created_at", "updated_at")
        insert_replica(id=key, **{**{name: row[name] for name in columns}, **changed})

    def test_equal(self, client: Client) -> None:
        key = insert("user_references", email="ada@example.org")["id"]
        self.copy_of(key)
        copy = section(user_page(client, key), "replica")
        assert "equal</span> in all 11 columns" in copy
        assert "different" not in copy

    def test_different_says_where_with_both_values(self, client: Client) -> None:
        key = insert("user_references", email="ada@example.org", metadata='{"beta": true}')["id"]
        self.copy_of(key, email="old@example.org", metadata={"beta": 1})
        copy = section(user_page(client, key), "replica")
        assert "different</span> in 2 of 11 columns: email, metadata." in copy
        assert "<td>ada@example.org</td><td>old@example.org</td>" in copy

    def test_not_arrived(self, client: Client) -> None:
        copy = section(user_page(client, insert("user_references")["id"]), "replica")
        assert "Not arrived in agents" in copy


@pytest.fixture
def without_agents(committed_erebus: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The database agents does not answer."""
    connections["agents"].close()
    with monkeypatch.context() as patch:
        patch.setitem(connections["agents"].settings_dict, "PORT", str(free_ports(1)[0]))
        outage.forget()
        yield
    connections["agents"].close()
    outage.forget()


def test_the_page_opens_without_agents_and_says_what_is_missing(without_agents: None) -> None:
    key = insert("user_references")["id"]
    wallet = insert("wallets", user_id=key)["address"]
    shown = user_page(adminpages.superuser(), key)
    for name in ("tasks", "engrams", "replica"):
        assert "The database agents does not answer" in section(shown, name)
    assert wallet in section(shown, "wallets")
    assert execute("SELECT FROM user_references")
