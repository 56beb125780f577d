"""The replication page and its JSON: what they show of a healthy pair, of real faults, and once those are mended."""

import time

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client

from nullstore.admin import outage
from nullstore.databases import AGENTS, EREBUS
from nullstore.replication.health import CODES, Problem, health
from tests.integration.adminpages import superuser, viewer
from tests.integration.looks import RESYNC, assert_ok, disable, do, enable, on
from tests.integration.replicas import AGENTS_SQL, slots, wait_for, wait_until_replicated
from tests.integration.replicationpage import PAGE, codes, status, text_of, words
from tests.servers import PASSWORD, free_ports

pytestmark = pytest.mark.usefixtures("committed_pair", "look_anew")


def version() -> int:
    return int(AGENTS_SQL.value("SELECT current_setting('server_version_num')::int / 10000"))


class TestOfAHealthyPair:
    @pytest.fixture(autouse=True)
    def _nothing_is_counted_from_before(self, committed_pair: None) -> None:
        AGENTS_SQL.run("SELECT pg_stat_reset_subscription_stats(NULL)")

    def test_the_page_shows_both_ends_without_any_script(self) -> None:
        wait_until_replicated(30)
        shown = words(viewer())
        ((slot, _),) = slots()
        for alias in (EREBUS, AGENTS):
            assert f"place {'{HOST}:{PORT}/{NAME}'.format(**connections[alias].settings_dict)}" in shown
        for said in (
            "✓ ok No problem was found.",
            f"version PostgreSQL {version()}",
            "Publication erebus_user_sync state ✓ as the migrations declare it carries delete, insert, update",
            "table user_references all columns, all rows",
            f"Slot {slot} state ✓ active: it is being read read by pid ",
            "application agents_user_sync",
            "headroom ✓ ",
            "Subscription agents_user_sync state ✓ enabled owner postgres follows the publication erebus_user_sync",
            "options binary = true, streaming = ",
            "Tables user_references ✓ ready Workers apply worker ✓ pid ",
            "apply errors 0 copy errors 0 conflicts ",
            "There was none yet.",
        ):
            assert said in shown, said

    def test_conflicts_are_counted_where_the_version_does(self) -> None:
        said = (
            "conflicts 0"
            if version() >= 18
            else f"conflicts PostgreSQL {version()} does not count them (18 and later do)"
        )
        assert said in words(viewer())

    def test_the_json_has_what_the_page_needs(self) -> None:
        wait_until_replicated(30)
        answer = status(viewer())
        assert (answer["verdict"], answer["problems"], answer["lag_is_at_least"]) == ("ok", [], False)
        assert 0 < answer["lag_seconds"] < 1
        assert answer["lag_bytes"] >= 0
        assert set(answer["html"]) == {"verdict", "problems", "facts", "verification", "badge"}
        assert text_of(answer["html"]["facts"]).startswith("Lag in seconds")

    def test_no_password_is_in_page_or_json(self) -> None:
        client = superuser()
        for said in (client.get(PAGE).content.decode(), str(status(client))):
            assert PASSWORD not in said
            assert settings.REPLICATION_PASSWORD not in said

    def test_no_script_and_no_style_is_inline(self) -> None:
        page = superuser().get(PAGE).content.decode().partition('<div id="content-main"')[2]
        assert "<script" not in page
        assert "style=" not in page
        assert " on" + "click" not in page

    def test_the_headroom_of_a_slot_is_what_is_left_of_the_limit(self) -> None:
        client = viewer()
        on(EREBUS, "ALTER SYSTEM SET max_slot_wal_keep_size = '512MB'", "SELECT pg_reload_conf()")
        try:
            wait_for(lambda: "until it is cut off; the limit is 512.0 MB" in words(client))
        finally:
            on(EREBUS, "ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")


class TestOfFaults:
    def test_a_disabled_subscription_and_back(self) -> None:
        client = viewer()
        disable()
        try:
            answer, shown = status(client), words(client)
        finally:
            enable()
        assert (answer["verdict"], codes(answer), answer["lag_is_at_least"]) == (
            "broken",
            ["subscription_disabled"],
            True,
        )
        assert answer["problems"][0]["fix"] == "manage.py replication enable"
        assert "✕ broken 1 problem: subscription_disabled" in shown
        assert "cause Somebody disabled it" in shown
        assert "what mends it manage.py replication enable" in shown
        assert "Lag in seconds at least" in shown
        assert "state ✕ disabled: nothing is applied" in shown
        assert "state ✕ inactive: nobody reads it inactive since " in shown
        assert ("PostgreSQL 15 does not tell" in shown) == (version() == 15)
        assert_ok()
        assert (status(client)["verdict"], "✓ ok" in words(client)) == ("ok", True)

    def test_a_dropped_publication_is_mended_by_the_command_that_is_shown(self, made_again: None) -> None:
        client = viewer()
        on(EREBUS, "DROP PUBLICATION erebus_user_sync")
        answer = status(client)
        (problem,) = (each for each in answer["problems"] if each["code"] == "publication_missing")
        assert (answer["verdict"], problem["fix"]) == ("broken", RESYNC)
        assert "Publication erebus_user_sync state ✕ is not there" in text_of(answer["html"]["facts"])
        do(Problem(problem["code"], problem["seen"], problem["cause"], problem["fix"]))
        assert_ok()
        assert codes(status(client)) == []

    def test_a_problem_links_to_what_its_code_means(self) -> None:
        client = viewer()
        disable()
        try:
            assert 'href="/admin/replication/codes/#subscription_disabled"' in client.get(PAGE).content.decode()
        finally:
            enable()
        explained = client.get("/admin/replication/codes/").content.decode()
        assert [code.name for code in CODES if f'id="{code.name}"' not in explained] == []
        assert "<code>manage.py replication enable</code>" in explained

    def test_a_server_that_is_down_is_named_and_the_other_end_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        client = superuser()
        (port,) = free_ports(1)
        with monkeypatch.context() as patch:
            patch.setitem(connections[AGENTS].settings_dict, "PORT", str(port))
            started = time.monotonic()
            shown = words(client)
            assert time.monotonic() - started < 5
        assert (
            f"Subscriber: agents agents at 127.0.0.1:{port}/test_agents cannot be looked at, and is missing here"
            in shown
        )
        assert "Publication erebus_user_sync state ✓ as the migrations declare it" in shown
        assert "subscriber_unreachable" in shown

    def test_with_erebus_down_who_was_known_may_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        client = superuser()
        words(client)
        (port,) = free_ports(1)
        with monkeypatch.context() as patch:
            patch.setitem(connections[EREBUS].settings_dict, "PORT", str(port))
            connections[EREBUS].close()
            outage.forget()
            started = time.monotonic()
            shown, answer = words(client), status(client)
            assert time.monotonic() - started < 8
        connections[EREBUS].close()
        assert "publisher_unreachable" in shown
        assert "Subscription agents_user_sync state ✓ enabled" in shown
        assert "The database erebus, which records verifications, does not answer." in shown
        assert codes(answer) == ["publisher_unreachable"]

    def test_what_a_role_may_not_see_is_named_with_what_grants_it(self, ordinary_role: str) -> None:
        found = health()
        client = superuser()
        shown = words(client)
        assert "What could not be looked at" in shown
        for unseen in found.unseen:
            assert unseen.grant in shown


@pytest.mark.parametrize("address", ["", "status.json", "codes/", "verify/"])
def test_only_staff_gets_here(address: str) -> None:
    person = Client()
    person.force_login(User.objects.create_user("somebody"))
    for client in (Client(), person):
        for answer in (client.get(PAGE + address), client.post(PAGE + address)):
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    ("address", "method"), [("", "post"), ("status.json", "post"), ("codes/", "post"), ("verify/", "get")]
)
def test_other_methods_are_refused(address: str, method: str) -> None:
    assert getattr(superuser(), method)(PAGE + address).status_code == 405


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}status.json", f"{PAGE}codes/"])
def test_it_is_for_those_who_may_look_at_comparisons(address: str) -> None:
    user = User.objects.create_user("newcomer", is_staff=True)
    client = Client()
    client.force_login(user)
    refused = client.get(address)
    assert refused.status_code == 403
    assert "127.0.0.1" not in refused.content.decode()
    user.user_permissions.set(Permission.objects.filter(codename="view_verificationrun"))
    assert client.get(address).status_code == 200
