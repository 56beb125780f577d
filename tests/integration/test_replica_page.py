"""The pages of the replica: that it is a copy, how old, how it compares, and that nobody writes it."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client, RequestFactory

from agents_app.models import UserReference
from nullstore.admin import outage, replicastate
from nullstore.replication import guard
from tests.integration import adminpages, looks
from tests.integration.adminpages import agents, insert_replica, insert_task, page
from tests.integration.consoleactions import content, section
from tests.integration.erebus_rows import insert
from tests.integration.replicas import add_user, wait_for
from tests.servers import free_ports

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

REPLICA, SOURCE = "agents_app.UserReference", "erebus_app.UserReference"


def copy_page(client: Client, key: Any) -> Any:
    return client.get(page(REPLICA, "change", key))


@in_databases
class TestPage:
    def test_list_and_row_say_that_it_is_a_copy_and_where_to_edit(self, client: Client) -> None:
        key = insert_replica()
        row, rows = section(copy_page(client, key), "state"), section(client.get(page(REPLICA, "changelist")), "state")
        for shown, link in ((row, page(SOURCE, "change", key)), (rows, page(SOURCE, "changelist"))):
            assert "edit in erebus" in shown
            assert f'<a href="{link}">' in shown

    def test_shows_the_tasks_of_the_user(self, client: Client) -> None:
        key = insert_replica()
        task = insert_task(user_id=key, name="swap")
        assert page("agents_app.Task", "change", task) in section(copy_page(client, key), "tasks")

    def test_says_where_it_differs_from_its_source(self, client: Client) -> None:
        source = insert("user_references", email="ada@example.org")
        insert_replica(id=source["id"], source_identifier=source["source_identifier"], network="solana")
        shown = section(copy_page(client, source["id"]), "replica")
        assert "<td>email</td><td>solana</td>" in shown
        assert "<td>ada@example.org</td><td>NULL</td>" in shown

    @pytest.mark.parametrize("may", [False, True])
    def test_the_source_is_compared_for_those_who_may_look_at_it(self, may: bool) -> None:
        key = insert("user_references", email="ada@example.org")["id"]
        insert_replica(id=key, email="old@example.org")
        user = User.objects.create_user("narrow", is_staff=True)
        apps = ["agents_app", *(["erebus_app"] if may else [])]
        user.user_permissions.set(
            Permission.objects.filter(codename="view_userreference", content_type__app_label__in=apps)
        )
        client = Client()
        client.force_login(user)
        shown = content(copy_page(client, key))
        assert "old@example.org" in shown
        assert ("ada@example.org" in shown, 'id="replica"' in shown) == (may, may)

    def test_says_that_its_source_has_gone(self, client: Client) -> None:
        assert "There is no such row in erebus any more" in section(copy_page(client, insert_replica()), "replica")

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Ada@", ["Ada"]),
            ("BOB@EX", ["bob"]),
            ("bob@ex", ["bob"]),
            ("11111111-22", ["Ada"]),
            # No index of a replica knows other spellings: an expression in one can stop replication.
            ("ada@", []),
            ("ADA@", []),
        ],
    )
    def test_is_searched_by_the_beginning_of_an_id_or_of_an_e_mail_as_written_or_in_lower_case(
        self, text: str, found: list[str], client: Client
    ) -> None:
        insert_replica(id="11111111-2222-4000-8000-000000000000", source_identifier="Ada", email="Ada@example.org")
        insert_replica(source_identifier="bob", email="bob@example.org")
        rows = client.get(page(REPLICA, "changelist"), {"q": text}).context["cl"].result_list
        assert [row.source_identifier for row in rows] == found

    @pytest.mark.parametrize("text", ["Ada", "ada@example.org", "1111-2222"])
    def test_indexes_answer_its_search(self, text: str, client: Client) -> None:
        # Other tests take the column away and put it back without its index: as the model declares it, if it does.
        with connections["agents"].schema_editor(collect_sql=True) as editor:
            declared = [str(index.create_sql(UserReference, editor)) for index in UserReference._meta.indexes]
        for statement in declared:
            agents.run(statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"))
        agents.run(guard.LIFT_GUARD)
        agents.run(
            "INSERT INTO user_references (source_identifier, network, email) SELECT md5(n::text), 'email', "
            "CASE WHEN n % 3 = 0 THEN md5(n::text) || '@example.com' END FROM generate_series(1, 5000) AS n"
        )
        agents.run("ANALYZE user_references")
        model_admin, request = admin.site.get_model_admin(UserReference), RequestFactory().get("/")
        queryset, _ = model_admin.get_search_results(request, UserReference.objects.all(), text)
        plan = queryset.order_by().explain()
        for index in ("user_replica_source", "user_replica_email"):
            assert f"Bitmap Index Scan on {index}" in plan, plan

    @pytest.mark.parametrize("who", [adminpages.superuser, adminpages.viewer])
    def test_offers_no_action_and_has_no_address_for_one(self, who: Any) -> None:
        key, client = insert_replica(), who()
        assert not copy_page(client, key).context.get("row_actions")
        answer = client.post(page(REPLICA, "change", key).replace("/change/", "/do/deactivate/"), {})
        assert answer.status_code in (302, 403, 404)
        assert client.post(page(REPLICA, "changelist"), {"action": "deactivate"}).status_code == 403


@pytest.mark.parametrize(
    ("kept", "milliseconds", "expected"),
    [
        (True, 1234.0, "read-only copy, as of 1.2 s ago"),
        (True, -5.0, "read-only copy, as of 0 ms ago"),
        (True, None, "has not heard from erebus yet"),
        (False, None, "not being kept up to date at the moment"),
    ],
)
def test_the_age_in_words(kept: bool, milliseconds: float | None, expected: str) -> None:
    assert expected in str(replicastate.LastWord(kept, milliseconds))


def test_the_age_is_that_of_the_last_word_and_without_a_worker_there_is_none(committed_pair: None) -> None:
    client, key = adminpages.superuser(), add_user("ada")
    looks.assert_ok()
    shown = section(copy_page(client, key), "state")
    assert "Read-only copy, as of " in shown
    assert "equal</span> in all 11 columns" in section(copy_page(client, key), "replica")
    looks.disable()
    try:
        wait_for(lambda: not replicastate.last_word().kept)
        shown = section(copy_page(client, key), "state")
        assert "not being kept up to date at the moment" in shown
        assert "as of" not in shown
    finally:
        looks.enable()


def test_without_agents_the_list_says_so(committed_erebus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client = adminpages.superuser()
    connections["agents"].close()
    with monkeypatch.context() as patch:
        patch.setitem(connections["agents"].settings_dict, "PORT", str(free_ports(1)[0]))
        outage.forget()
        answer = client.get(page(REPLICA, "changelist"))
        assert answer.status_code == 503
        assert "agents" in answer.content.decode()
    connections["agents"].close()
    outage.forget()


@in_databases
def test_a_row_that_is_not_there_is_a_message(client: Client) -> None:
    for key in ("00000000-0000-4000-8000-000000000000", "no uuid"):
        answer = client.get(page(REPLICA, "change", key), follow=True)
        assert "exist" in content(answer) or "exist" in answer.content.decode()
