"""The page that asks before a deletion: it counts what goes along, names what is in the way, and loads neither."""

from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connections, models
from django.test import Client
from django.test.utils import CaptureQueriesContext

from nullstore.admin import deleting
from nullstore.admin.deleting import BoundedDeletion
from tests.integration.adminpages import agents, insert_task, page, record
from tests.integration.consoleactions import content
from tests.integration.erebus_rows import insert, total

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK, LISTING = "agents_app.Task", "erebus_app.Listing"
BOUNDED = [model for model, its in admin.site._registry.items() if isinstance(its, BoundedDeletion)]


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("deleter", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def asked(client: Client, label: str, key: Any) -> str:
    return unescape(content(client.get(page(label, "delete", key))))


def delete(client: Client, label: str, key: Any) -> Any:
    return client.post(page(label, "delete", key), {"post": "yes"})


def task_with(transitions: int) -> Any:
    key = insert_task(history='[{"parts": []}]')
    for _ in range(transitions - 1):
        agents.insert("task_transitions", task_id=key, to_status="working")
    return key


def busy_listing(table: str, rows: int) -> Any:
    key = insert("crossroads_listings")["id"]
    for _ in range(rows):
        insert(table, listing_id=key)
    return key


def listing_in_favor(rows: int) -> Any:
    return busy_listing("crossroads_favorites", rows)


@pytest.mark.parametrize("model", BOUNDED, ids=lambda model: model.__name__)
def test_nothing_that_goes_along_takes_more_along(model: type[models.Model]) -> None:
    going = [relation.related_model for relation in model._meta.related_objects if relation.on_delete is models.CASCADE]
    assert going
    assert [each for each in going if each._meta.related_objects] == []


class TestWhatGoesAlong:
    @pytest.mark.parametrize(
        ("label", "make", "called"),
        [(TASK, task_with, "Task transitions"), (LISTING, listing_in_favor, "Favorites")],
        ids=[TASK, LISTING],
    )
    def test_is_counted_up_to_a_bound_and_not_named(
        self, label: str, make: Any, called: str, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deleting, "COUNTED", 3)
        assert f"<li>{called}: 3</li>" in asked(client, label, make(3))
        many = make(5)
        text = asked(client, label, many)
        assert f"<li>{called}: more than 3</li>" in text
        assert text.count("/change/") == 1, "of the row itself"
        assert f"{called[:-1]}:" not in text

    @pytest.mark.parametrize(
        ("label", "alias", "make"), [(TASK, "agents", task_with), (LISTING, "erebus", listing_in_favor)]
    )
    def test_takes_as_few_statements_however_much_it_is(
        self, label: str, alias: str, make: Any, client: Client
    ) -> None:
        few, many = make(1), make(12)
        said = []
        for key in (few, few, many):
            with CaptureQueriesContext(connections[alias]) as statements:
                asked(client, label, key)
            said.append(len(statements))
        assert said[2] == said[1]

    def test_is_counted_without_the_documents_of_the_row(self, client: Client) -> None:
        key = task_with(5)
        with CaptureQueriesContext(connections["agents"]) as statements:
            asked(client, TASK, key)
        assert [each["sql"] for each in statements if '"history"' in each["sql"] or '"artifacts"' in each["sql"]] == []

    def test_of_several_rows_is_counted_together(self, client: Client) -> None:
        keys = [task_with(2), task_with(3)]
        data = {"action": "delete_selected", "_selected_action": keys}
        text = content(client.post(page(TASK, "changelist"), data))
        assert "<li>Tasks: 2</li>" in text
        assert "<li>Task transitions: 5</li>" in text
        client.post(page(TASK, "changelist"), {**data, "post": "yes"})
        assert agents.rows("SELECT FROM tasks") == agents.rows("SELECT FROM task_transitions") == []
        actions = agents.rows("SELECT target_id FROM ops_actions WHERE action = 'delete'")
        assert {target for (target,) in actions} == {str(key) for key in keys}

    def test_goes_with_the_row_and_staff_is_on_record(self, client: Client) -> None:
        key = task_with(4)
        assert delete(client, TASK, key).status_code == 302
        assert agents.rows("SELECT FROM task_transitions") == []
        assert agents.rows("SELECT target_table, target_id, action FROM ops_actions") == [
            ("tasks", str(key), "delete"),
        ]


class TestPermission:
    def test_for_tasks_is_enough_for_their_transitions(self) -> None:
        client, key = staff("delete_task"), task_with(2)
        assert "Task transitions: 2" in asked(client, TASK, key)
        delete(client, TASK, key)
        assert agents.rows("SELECT FROM tasks") == agents.rows("SELECT FROM task_transitions") == []

    def test_for_transitions_is_nobodys(self, client: Client) -> None:
        task_with(1)
        key = agents.value("SELECT id FROM task_transitions")
        assert delete(client, "agents_app.TaskTransition", key).status_code == 403
        assert agents.value("SELECT count(*) FROM task_transitions") == 1

    def test_for_listings_is_not_enough_for_their_reviews(self) -> None:
        client, key = staff("delete_listing"), busy_listing("crossroads_reviews", 2)
        text = asked(client, LISTING, key)
        assert "your account doesn't have permission to delete" in text
        assert "<li>review</li>" in text
        assert delete(client, LISTING, key).status_code == 403
        assert total("crossroads_reviews") == 2

    @pytest.mark.parametrize("rows", [0, 2])
    def test_for_both_or_no_reviews_is_enough(self, rows: int) -> None:
        client = staff("delete_listing", *(["delete_review"] if rows else []))
        key = busy_listing("crossroads_reviews", rows)
        assert delete(client, LISTING, key).status_code == 302
        assert total("crossroads_listings") == total("crossroads_reviews") == 0


class TestInTheWay:
    @pytest.mark.parametrize("table", ["crossroads_purchases", "crossroads_deployments"])
    def test_the_first_are_named_and_all_counted(
        self, table: str, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deleting, "NAMED", 2)
        key, name = busy_listing(table, 3), table.removeprefix("crossroads_")
        text = asked(client, LISTING, key)
        assert "would require deleting the following protected related objects" in text
        assert text.count(f"<li>{name[:-1].capitalize()}: <a href=") == 2
        assert f"<li>… 3 {name} in all</li>" in text
        assert delete(client, LISTING, key).status_code == 200
        assert record(LISTING, key)

    def test_no_more_are_counted_where_all_are_named(self, client: Client) -> None:
        text = asked(client, LISTING, busy_listing("crossroads_purchases", 2))
        assert text.count("<li>Purchase: <a href=") == 2
        assert "in all" not in text
