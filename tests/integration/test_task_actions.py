"""The actions on tasks as staff do them: from a task's page, from the list, and what they are told."""

import uuid
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from tests.integration import adminpages
from tests.integration.adminpages import agents, insert_agent, insert_task, log_of, page, record

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"
NAMES = ("cancel", "assign", "retry", "set-priority")


def address(name: str, key: Any) -> str:
    return page(TASK, "change", key).removesuffix("change/") + f"do/{name}/"


def do(client: Client, name: str, key: Any, **data: Any) -> str:
    """Do the action to one task; return what was said."""
    response = client.post(address(name, key), data)
    assert response.status_code == 302, response.context["form"].errors
    assert response.headers["Location"] == page(TASK, "change", key)
    return said(response)


def do_to_many(client: Client, name: str, *keys: Any, **data: Any) -> str:
    given = {"action": name, "_selected_action": [str(key) for key in keys], **data}
    asked = client.post(page(TASK, "changelist"), given)
    assert asked.status_code == 200
    return said(client.post(page(TASK, "changelist"), {**given, "confirmed": "yes"}))


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def buttons(client: Client, key: Any) -> set[str]:
    shown = client.get(page(TASK, "change", key)).content.decode()
    return {name for name in NAMES if address(name, key) in shown}


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("working", {"cancel", "assign", "set-priority"}),
        ("input-required", {"cancel", "assign", "set-priority"}),
        ("completed", {"set-priority"}),
        ("failed", {"retry", "set-priority"}),
        ("canceled", {"retry", "set-priority"}),
        ("rejected", {"retry", "set-priority"}),
    ],
)
def test_a_page_offers_what_its_state_allows(status: str, offered: set[str], client: Client) -> None:
    assert buttons(client, insert_task(status=status)) == offered


def test_cancel(client: Client) -> None:
    key = insert_task(status="working")
    assert client.get(address("cancel", key)).status_code == 200
    assert record(TASK, key)["status"] == "working"
    assert do(client, "cancel", key, reason="replaced") == "Canceled: 1 task."
    assert record(TASK, key)["status"] == "canceled"
    assert log_of(key) == [2]
    assert "replaced" in agents.value("SELECT detail::text FROM ops_actions WHERE target_id = %s", [str(key)])
    assert "replaced" in client.get(page(TASK, "change", key)).content.decode()


def test_what_no_button_offers_is_refused_by_address_too(client: Client) -> None:
    done, running = insert_task(status="completed", name="the done one"), insert_task(status="working")
    agent = insert_agent()
    assert "the done one (completed): it is completed, which is final" in do(client, "cancel", done)
    assert "cannot be given to an agent" in do(client, "assign", done, agent=agent)
    assert "only a task that is canceled, failed, rejected" in do(client, "retry", running)
    assert "only a task that is" in do(client, "retry", done)
    assert (record(TASK, done)["status"], record(TASK, running)["status"]) == ("completed", "working")
    assert agents.value("SELECT count(*) FROM ops_actions") == 0
    assert log_of(done) == []


def test_what_only_the_database_refuses_is_said_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.services.tasks.changing.refuse_if_final", lambda *given: None)
    key = insert_task(status="completed")
    answer = do(client, "cancel", key)
    assert f"The database refused this: task {key} is completed, which is final: it cannot become canceled" in answer
    assert log_of(key) == []


def test_assign(client: Client) -> None:
    key, agent = insert_task(), insert_agent(name="hecate")
    assert "hecate" in client.get(address("assign", key)).content.decode()
    assert do(client, "assign", key, agent=agent) == "Assigned: 1 task."
    assert record(TASK, key)["assigned_agent_id"] == str(agent)


@pytest.mark.parametrize("agent", ["", "garbage", "\x00", str(uuid.UUID(int=0))])
def test_assign_to_an_agent_that_is_not_there_is_an_error_on_the_form(agent: str, client: Client) -> None:
    response = client.post(address("assign", insert_task()), {"agent": agent})
    assert response.status_code == 200
    assert response.context["form"].errors["agent"]


def test_retry_leads_to_the_new_task(client: Client) -> None:
    key = insert_task(status="failed")
    answer = do(client, "retry", key)
    (new,) = agents.rows("SELECT id FROM tasks WHERE id <> %s", [key])
    assert f'<a href="{page(TASK, "change", new[0])}">{new[0]}</a>' in answer


@pytest.mark.parametrize("priority", ["", "huge", "\x00"])
def test_a_priority_that_is_none_is_an_error_on_the_form(priority: str, client: Client) -> None:
    key = insert_task()
    assert client.post(address("set-priority", key), {"priority": priority}).context["form"].errors["priority"]
    do(client, "set-priority", key, priority="urgent")
    assert record(TASK, key)["priority"] == "urgent"


class TestMany:
    def test_the_ones_that_cannot_be_canceled_are_named(self, client: Client) -> None:
        states = ("submitted", "working", "completed", "failed", "auth-required")
        keys = {status: insert_task(status=status, name=f"is {status}") for status in states}
        answer = do_to_many(client, "cancel", *keys.values())
        assert "Canceled: 3 tasks." in answer
        assert "Not done to 2 tasks: " in answer
        for status in ("completed", "failed"):
            assert f"is {status} ({status}): it is {status}, which is final: it cannot be canceled" in answer
        after = {status: record(TASK, key)["status"] for status, key in keys.items()}
        assert after == {**dict.fromkeys(states, "canceled"), "completed": "completed", "failed": "failed"}
        assert agents.value("SELECT count(*) FROM ops_actions WHERE action = 'cancel'") == 3

    def test_all_of_a_filter(self, client: Client) -> None:
        for priority in ("urgent", "urgent", "low"):
            insert_task(priority=priority)
        key = agents.value("SELECT id FROM tasks WHERE priority = 'urgent' LIMIT 1")
        given = {"action": "cancel", "_selected_action": str(key), "select_across": "1", "confirmed": "yes"}
        client.post(f"{page(TASK, 'changelist')}?priority=urgent", given)
        assert agents.rows("SELECT priority, status FROM tasks WHERE status = 'submitted'") == [("low", "submitted")]

    def test_are_assigned_and_retried(self, client: Client) -> None:
        agent = insert_agent()
        keys = [insert_task() for _ in range(2)]
        assert "Assigned: 2 tasks." in do_to_many(client, "assign", *keys, agent=agent)
        failed = [insert_task(status="failed") for _ in range(2)]
        assert "To be done again: 2 tasks." in do_to_many(client, "retry", *failed)
        assert agents.value("SELECT count(*) FROM tasks WHERE jsonb_exists(metadata, 'retry_of')") == 2


class TestWithoutPermission:
    @pytest.mark.parametrize("name", NAMES)
    def test_nothing_is_done(self, name: str) -> None:
        key, client = insert_task(), adminpages.viewer()
        data = {"agent": insert_agent(), "priority": "urgent"}
        before = record(TASK, key)
        for answer in (client.get(address(name, key)), client.post(address(name, key), data)):
            assert answer.status_code == 403
        client.post(page(TASK, "changelist"), {"action": name, "_selected_action": str(key), "confirmed": "1", **data})
        assert record(TASK, key) == before

    @pytest.mark.parametrize("name", NAMES)
    def test_strangers_are_asked_to_log_in(self, name: str) -> None:
        key = insert_task()
        answer = Client().post(address(name, key))
        assert answer.status_code == 302
        assert "/login/" in answer.headers["Location"]
        assert record(TASK, key)["status"] == "submitted"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["garbage", str(uuid.UUID(int=0))])
def test_an_id_that_is_none_leads_away_with_a_message(name: str, key: str, client: Client) -> None:
    answer = client.post(address(name, key))
    assert answer.status_code == 302
    assert "Perhaps it was deleted?" in said(answer)
