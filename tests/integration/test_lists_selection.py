"""The rows that somebody selects in a list: in batches, by keys that may be anything, and how many can be deleted."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from nullstore.admin.lists import admin as lists_admin
from nullstore.admin.lists.batches import in_batches
from tests.integration.adminpages import MODELS, agents, insert_task, page
from tests.integration.lists import listed

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"
Task: Any = MODELS[TASK]


class TestBatches:
    def test_cover_all_rows_once(self) -> None:
        keys = sorted(insert_task() for _ in range(7))
        assert list(in_batches(Task.objects.order_by("name"), size=3)) == [keys[:3], keys[3:6], keys[6:]]
        assert list(in_batches(Task.objects.all(), size=7)) == [keys]
        assert list(in_batches(Task.objects.none())) == []

    def test_go_on_behind_rows_that_no_longer_belong_or_are_gone(self) -> None:
        keys = sorted(insert_task(status="working") for _ in range(6))
        seen = []
        for batch in in_batches(Task.objects.filter(status="working"), size=2):
            seen += batch
            agents.run("UPDATE tasks SET status = 'failed' WHERE id = %s", [batch[0]])
            agents.run("DELETE FROM tasks WHERE id = %s", [batch[1]])
        assert seen == keys


class TestSelection:
    @pytest.mark.parametrize("key", ["garbage", "\x00", "", "9" * 40])
    def test_of_what_is_no_row_of_the_table_does_nothing_and_says_so(self, key: str, client: Client) -> None:
        kept = insert_task()
        data = {"action": "delete_selected", "_selected_action": [key, str(kept)], "post": "yes", "index": "0"}
        response = client.post(page(TASK, "changelist"), data)
        assert response.status_code == 302
        (message,) = get_messages(response.wsgi_request)
        assert "is none of this table" in str(message)
        assert listed(client, TASK).keys == [kept]


class TestDeletion:
    def test_of_a_few_is_asked_and_done(self, client: Client) -> None:
        keys = [insert_task(), insert_task()]
        kept = insert_task()
        data = {"action": "delete_selected", "_selected_action": keys}
        assert "Are you sure" in client.post(page(TASK, "changelist"), data).content.decode()
        client.post(page(TASK, "changelist"), {**data, "post": "yes"})
        assert listed(client, TASK).keys == [kept]

    def test_of_more_than_can_be_loaded_is_refused(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lists_admin, "DELETE_LIMIT", 2)
        keys = [insert_task() for _ in range(3)]
        data = {"action": "delete_selected", "_selected_action": keys[0], "select_across": "1", "post": "yes"}
        response = client.post(page(TASK, "changelist"), data)
        (message,) = get_messages(response.wsgi_request)
        assert str(message).startswith("More than 2 rows cannot be deleted at once.")
        assert listed(client, TASK).count == "3"
