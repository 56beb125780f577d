"""What staff can ask of a task: cancel, assign, set priority, retry; what is refused, and recorded."""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from agents_app.services import tasks
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused
from nullstore.replication.connect import connect
from tests.integration.adminpages import agents, insert_agent, insert_task

in_agents = pytest.mark.django_db(databases=["erebus", "agents"])

ADA = Actor("ada", "too slow")
STATES = ("submitted", "working", "input-required", "completed", "canceled", "failed", "rejected", "auth-required")
FINAL = {"completed", "canceled", "failed", "rejected"}
NOBODY = uuid.UUID(int=0)


def row(key: Any) -> dict[str, Any]:
    return agents.record("tasks", key)


def actions(key: Any) -> list[tuple[Any, ...]]:
    return agents.rows("SELECT actor, action, detail FROM ops_actions WHERE target_id = %s ORDER BY id", [str(key)])


def last_transition(key: Any) -> tuple[Any, ...]:
    query = "SELECT to_status, changed_by, message FROM task_transitions WHERE task_id = %s ORDER BY id DESC LIMIT 1"
    return agents.rows(query, [key])[0]


@in_agents
class TestCancel:
    @pytest.mark.parametrize("status", [*STATES, "unknown"])
    def test_only_where_a2a_allows_it(self, status: str) -> None:
        key = insert_task(status=status)
        if status in FINAL:
            with pytest.raises(ActionRefused, match=f"it is {status}, which is final"):
                tasks.cancel(key, ADA)
            assert row(key)["status"] == status
            assert actions(key) == []
        else:
            tasks.cancel(key, ADA)
            assert row(key)["status"] == "canceled"
            assert last_transition(key) == ("canceled", "ada", "Canceled by ada: too slow")
            detail = {"reason": "too slow", "status": [status, "canceled"]}
            assert [(who, what, json.loads(said)) for who, what, said in actions(key)] == [("ada", "cancel", detail)]

    def test_the_status_message_of_before_is_not_kept(self) -> None:
        key = insert_task(status="input-required", status_message="Which wallet?")
        tasks.cancel(key, Actor("ada"))
        assert last_transition(key) == ("canceled", "ada", "Canceled by ada.")


@in_agents
class TestAssign:
    def test_gives_the_task_to_the_agent(self) -> None:
        old, new = insert_agent(), insert_agent()
        key = insert_task(assigned_agent_id=old)
        tasks.assign(key, new, ADA)
        assert row(key)["assigned_agent_id"] == str(new)
        ((_, action, detail),) = actions(key)
        assert (action, json.loads(detail)["assigned_agent"]) == ("assign", [str(old), str(new)])

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_is_refused_for_a_final_one(self, status: str) -> None:
        with pytest.raises(ActionRefused, match="cannot be given"):
            tasks.assign(insert_task(status=status), insert_agent(), ADA)

    def test_is_refused_where_the_agent_has_gone_or_has_it_already(self) -> None:
        agent = insert_agent(name="hecate")
        key = insert_task(assigned_agent_id=agent)
        with pytest.raises(ActionRefused, match="does not exist any more"):
            tasks.assign(key, NOBODY, ADA)
        with pytest.raises(ActionRefused, match="assigned to hecate already"):
            tasks.assign(key, agent, ADA)
        assert actions(key) == []


@in_agents
class TestPriority:
    def test_is_set(self) -> None:
        key = insert_task()
        tasks.set_priority(key, "urgent", ADA)
        assert row(key)["priority"] == "urgent"
        assert [action for _, action, _ in actions(key)] == ["set priority"]

    @pytest.mark.parametrize(("priority", "why"), [("medium", "medium already"), ("huge", "no priority")])
    def test_is_refused(self, priority: str, why: str) -> None:
        with pytest.raises(ActionRefused, match=why):
            tasks.set_priority(insert_task(), priority, ADA)


MESSAGES = [
    {"kind": "message", "role": "agent", "parts": [], "messageId": "0"},
    {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": "Swap"}], "messageId": "1", "taskId": "old"},
    {"kind": "message", "role": "user", "parts": [], "messageId": "2"},
]


@in_agents
class TestRetry:
    @pytest.mark.parametrize("status", ["failed", "canceled", "rejected"])
    def test_makes_a_new_task_in_the_same_context(self, status: str) -> None:
        given = {
            "name": "Swap",
            "task_type": "swap",
            "priority": "high",
            "parameters": '{"amount": 0.1234567890123456789012345}',
            "metadata": '{"channel": "web"}',
            "assigned_agent_id": insert_agent(),
            "user_id": uuid.uuid4(),
            "progress": 40,
            "outcome": "{}",
        }
        key = insert_task(status=status, current_retries=2, history=json.dumps(MESSAGES), **given)
        new = tasks.retry(key, ADA)
        old, made = row(key), row(new)
        same = ("name", "context_id", "task_type", "priority", "parameters", "assigned_agent_id", "user_id")
        assert [made[column] for column in same] == [old[column] for column in same]
        assert (made["status"], made["current_retries"], made["progress"], made["outcome"]) == ("submitted", 3, 0, None)
        assert made["metadata"] == {"channel": "web", "retry_of": str(key)}
        (message,) = made["history"]
        assert message["parts"] == MESSAGES[1]["parts"]
        assert message["messageId"] not in ("1", None)
        assert (message["taskId"], message["contextId"]) == (str(new), old["context_id"])
        assert message["referenceTaskIds"] == [str(key)]
        assert last_transition(new) == ("submitted", "ada", None)
        assert old["status"] == status
        assert ([each[1] for each in actions(key)], [each[1] for each in actions(new)]) == (["retry"], ["add"])
        assert "0.1234567890123456789012345" in agents.value("SELECT parameters::text FROM tasks WHERE id = %s", [new])

    @pytest.mark.parametrize("status", ["submitted", "working", "input-required", "completed", "unknown"])
    def test_is_refused_for_others(self, status: str) -> None:
        key = insert_task(status=status)
        with pytest.raises(ActionRefused, match=f"it is {status}: only a task that is canceled, failed, rejected"):
            tasks.retry(key, ADA)
        assert agents.value("SELECT count(*) FROM tasks") == 1

    @pytest.mark.parametrize("history", ["{}", "3", '"user"', "[]", "[null]", "[3]", '[["role"]]', '[{"role": 3}]'])
    @pytest.mark.parametrize("metadata", ["[]", "3", "null", "{}"])
    def test_of_a_task_with_malformed_documents_begins_empty(self, history: str, metadata: str) -> None:
        key = insert_task(status="failed", history=history, metadata=metadata)
        made = row(tasks.retry(key, ADA))
        assert (made["history"], made["metadata"]) == ([], {"retry_of": str(key)})

    @pytest.mark.parametrize("status", ["submitted", "working", "input-required", "completed"])
    def test_twice_is_refused_naming_the_first(self, status: str) -> None:
        key = insert_task(status="failed")
        new = tasks.retry(key, ADA)
        agents.run("UPDATE tasks SET status = %s WHERE id = %s", [status, new])
        with pytest.raises(ActionRefused, match=f"already, as the task {new}, which is {status}$"):
            tasks.retry(key, ADA)
        assert agents.value("SELECT count(*) FROM tasks") == 2
        assert [action for _, action, _ in actions(key)] == ["retry"]

    @pytest.mark.parametrize("status", ["failed", "canceled", "rejected"])
    def test_of_a_retry_that_failed_itself_goes_on_from_there(self, status: str) -> None:
        key = insert_task(status="failed")
        first = tasks.retry(key, ADA)
        agents.run("UPDATE tasks SET status = %s WHERE id = %s", [status, first])
        with pytest.raises(ActionRefused, match=f"as the task {first}, which is {status}: retry that one$"):
            tasks.retry(key, ADA)
        second = tasks.retry(first, ADA)
        agents.run("UPDATE tasks SET status = 'completed' WHERE id = %s", [second])
        for done in (key, first):
            with pytest.raises(ActionRefused, match="was done again already"):
                tasks.retry(done, ADA)
        assert row(second)["current_retries"] == 2

    def test_of_a_task_whose_retry_was_deleted_is_possible(self) -> None:
        key = insert_task(status="failed")
        agents.run("DELETE FROM tasks WHERE id = %s", [tasks.retry(key, ADA)])
        assert tasks.retry(key, ADA)


CHANGES: list[Callable[[Any], Any]] = [
    lambda key: tasks.cancel(key, ADA),
    lambda key: tasks.assign(key, NOBODY, ADA),
    lambda key: tasks.set_priority(key, "low", ADA),
    lambda key: tasks.retry(key, ADA),
]


@in_agents
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("key", [NOBODY, "garbage"])
def test_a_task_that_has_gone_is_refused(change: Callable[[Any], Any], key: Any) -> None:
    with pytest.raises(ActionRefused, match="There is no task"):
        change(key)


def test_a_service_that_completes_the_task_first_wins(committed_agents: None) -> None:
    key = insert_task(status="working")
    refused: list[str] = []

    def cancel() -> None:
        try:
            tasks.cancel(key, ADA)
        except ActionRefused as error:
            refused.append(str(error))
        finally:
            connections["agents"].close()

    with connect("agents") as service:
        service.execute("BEGIN")
        service.execute("UPDATE tasks SET status = 'completed' WHERE id = %s", [key])
        staff = threading.Thread(target=cancel)
        staff.start()
        staff.join(0.3)
        assert staff.is_alive(), "It does not wait for the service."
        service.execute("COMMIT")
        staff.join(10)
    assert refused == ["it is completed, which is final: it cannot be canceled"]
    assert (row(key)["status"], actions(key)) == ("completed", [])


def test_a_task_that_somebody_keeps_locked_is_refused(committed_agents: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullstore.locks.PATIENCE", "100ms")
    key = insert_task(status="working")
    with connect("agents") as service:
        service.execute("BEGIN")
        service.execute("UPDATE tasks SET progress = 50 WHERE id = %s", [key])
        with pytest.raises(ActionRefused, match="Somebody else is changing"):
            tasks.cancel(key, ADA)
        service.execute("ROLLBACK")
    assert row(key)["status"] == "working"
