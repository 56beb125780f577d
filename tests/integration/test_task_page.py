"""A task's page: its timeline, its documents whatever is in them, its neighbours, and what its form does not change."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents_app.admin.tasks.timeline import timeline_of
from agents_app.models import Task
from tests.integration import adminpages
from tests.integration.adminpages import agents, fields, insert_agent, insert_replica, insert_task, page, submit

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def text(text: str) -> dict[str, Any]:
    return {"kind": "text", "text": text}


def message(role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "message", "role": role, "messageId": "1", "parts": list(parts), **more}


def at(minutes: float) -> str:
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


def finished_task(**columns: Any) -> Any:
    """A task that was submitted, working after 1 minute, and completed after 5."""
    key = insert_task(status="completed", **columns)
    agents.run("DELETE FROM task_transitions WHERE task_id = %s", [key])
    for minutes, before, after in [(0, None, "submitted"), (1, "submitted", "working"), (5, "working", "completed")]:
        agents.insert(
            "task_transitions", task_id=key, from_status=before, to_status=after, changed_at=at(minutes), changed_by="s"
        )
    return key


def said(client: Client, key: Any, query: str = "") -> str:
    """The page as text: blanks for tags, entities resolved, white space as one blank."""
    response = client.get(f"{page(TASK, 'change', key)}{query}")
    assert response.status_code == 200, response.headers
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def order(key: Any) -> list[str]:
    """The timeline: the states, and the texts of messages and artifacts, in their order."""
    rows = timeline_of(Task.objects.get(pk=key)).rows
    return [row.entry.to_status or row.entry.parts[0].value for row in rows if row.entry]


class TestOrder:
    def test_dated_messages_stand_between_the_states(self) -> None:
        history = [
            message("user", text("ask"), metadata={"timestamp": at(0.5)}),
            message("agent", text("on it"), timestamp=at(2)),
            message("agent", text("more"), metadata={"timestamp": (BEGIN + timedelta(minutes=6)).timestamp() * 1000}),
        ]
        key = finished_task(history=json.dumps(history))
        assert order(key) == ["submitted", "ask", "working", "on it", "completed", "more"]

    def test_undated_ones_stand_where_they_belong(self) -> None:
        history = [message("user", text("ask")), message("agent", text("on it")), message("agent", text("answer"))]
        artifacts = [{"artifactId": "1", "parts": [text("result")]}]
        key = finished_task(history=json.dumps(history), artifacts=json.dumps(artifacts))
        assert order(key) == ["submitted", "ask", "working", "on it", "answer", "result", "completed"]

    def test_an_undated_one_follows_its_dated_neighbour(self) -> None:
        history = [message("user", text("ask"), timestamp=at(2)), message("agent", text("answer"))]
        key = finished_task(history=json.dumps(history))
        assert order(key) == ["submitted", "working", "ask", "answer", "completed"]

    def test_says_who_and_how_long_between(self, client: Client) -> None:
        agent, user = insert_agent(name="hecate"), insert_replica(source_identifier="0xada")
        history = [message("user", text("ask"), timestamp=at(0.5)), message("ROLE_AGENT", text("answer"))]
        shown = said(
            client, finished_task(history=json.dumps(history), assigned_agent_id=agent, user_id=user), "#timeline"
        )
        assert "2026-03-01 12:00:30 + 30.0 s User 0xada message 1 ask" in shown
        assert "2026-03-01 12:01:00 + 30.0 s ○ submitted → to ▶ working by s" in shown
        assert "undated Agent hecate message 2 answer" in shown
        assert "2026-03-01 12:05:00 + 4 min ▶ working → to ✓ completed by s" in shown


DEEP = "[" * 3000 + "]" * 3000
LONG = "9" * 5000
SHAPES = ["{}", '"text"', "3", "true", "null", '{"a": [1]}', "[[]]", "[null]", "[3, true]", '["text"]', "[{}]"]
SHAPES += ['[{"parts": 3}]', '[{"parts": {}}]', '[{"role": {}, "parts": []}]', '[{"role": 3}]', f"[{DEEP}]", DEEP]
SHAPES += [f"[{LONG}]", LONG, f'[{{"role": "user", "parts": [{{"kind": "data", "data": {LONG}}}]}}]']
SHAPES += [
    '[{"metadata": 3, "timestamp": "yesterday"}]',
    '[{"timestamp": 1e308}]',
    '[{"timestamp": "0001-01-01T00:00:00+14:00"}]',
]
SHAPES += ['[{"metadata": {"timestamp": "2026-02-31T00:00:00"}}]', '[{"timestamp": "9999-12-31T23:59:59-14:00"}]']
SHAPES += [
    '[{"parts": [{"kind": "file", "file": {"bytes": {}, "uri": 3, "name": []}}]}]',
    '[{"parts": [{"kind": []}]}]',
    f'[{{"parts": [{{"raw": {"9" * 400}}}, {{"file": {{"bytes": -1, "fileWithBytes": true}}}}]}}]',
    f'[{{"parts": [{{"file": [{"1, " * 100} 1], "raw": []}}, {{"file": "{"x" * 300}"}}, "{"x" * 300}", [[]]]}}]',
    f'[{{"parts": [{{"kind": "data", "data": {"[" * 190}{"]" * 190}}}]}}]',
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[:40])
def test_documents_of_any_shape_are_shown_somehow(shape: str, client: Client) -> None:
    columns = ("history", "artifacts", "logs", "outcome", "sub_tasks", "dependencies")
    key = insert_task(name="odd", **dict.fromkeys(columns, shape))
    shown = said(client, key)
    assert "odd" in shown
    assert "does not answer" not in shown


@pytest.mark.parametrize("column", ["history", "artifacts"])
def test_what_is_no_list_is_shown_as_it_is_with_a_note(column: str, client: Client) -> None:
    shown = said(client, insert_task(**{column: '{"oops": 1}'}))
    assert f"The column {column} cannot be shown as entries. This should be a list, and is not." in shown
    assert '{"oops": 1}' in shown


class TestLongTimelines:
    @pytest.fixture
    def long(self) -> Any:
        return insert_task(history=json.dumps([message("user", text(f"word {place}.")) for place in range(5000)]))

    def test_only_the_ends_are_shown(self, long: Any, client: Client) -> None:
        shown = said(client, long)
        assert "4901 entries are not shown. Show all" in shown
        assert "5001 entries" in shown
        for place, there in [(0, True), (18, True), (19, False), (4919, False), (4920, True), (4999, True)]:
            assert (f"word {place}." in shown) is there, place
        assert "message 5000" in shown

    @pytest.mark.parametrize(
        ("part", "begins", "ends"),
        [(1, 0, 48), (2, 49, 98), (4, 149, 198), (5, 4200, 4248), (6, 4249, 4298), (21, 4999, 4999), (77, 4999, 4999)],
    )
    def test_all_of_it_is_shown_in_parts_up_to_a_bound(
        self, long: Any, client: Client, part: int, begins: int, ends: int
    ) -> None:
        shown = said(client, long, f"?timeline={part}")
        assert (words := [int(word) for word in re.findall(r"word (\d+)\. Raw", shown)])
        assert (words[0], words[-1], len(words)) == (begins, ends, ends - begins + 1)
        assert ("4001 entries are not shown. At most 1000 can be shown." in shown) == (part == 5)
        assert "20 21 5001 entries" in shown

    def test_a_result_without_a_date_comes_after_what_led_to_it(self, client: Client) -> None:
        key = insert_task(artifacts=json.dumps([{"name": "the result", "parts": [text("done.")]}]))
        agents.run(
            "INSERT INTO task_transitions (task_id, from_status, to_status, changed_at) "
            "SELECT %s, 'working', 'submitted', now() + n * interval '1 s' FROM generate_series(1, 120) AS n",
            [key],
        )
        assert ["the result" in said(client, key, f"?timeline={part}") for part in (1, 2, 3)] == [False, False, True]

    def test_a_short_timeline_has_one_part(self, client: Client) -> None:
        key = insert_task(history=json.dumps([message("user", text("a word."))]))
        response = client.get(f"{page(TASK, 'change', key)}?timeline=1").content.decode()
        assert "a word." in response
        assert "Parts of the timeline" not in response

    @pytest.mark.parametrize("given", ["all", "0", "-1", "x", "", "99999", "%00", "²"])
    def test_what_is_no_part_shows_beginning_and_end(self, long: Any, client: Client, given: str) -> None:
        assert "4901 entries are not shown. Show all" in said(client, long, f"?timeline={given}")

    def test_the_history_does_not_leave_the_database_whole(self, long: Any, client: Client) -> None:
        with CaptureQueriesContext(connections["agents"]) as asked:
            said(client, long)
        assert not [query["sql"] for query in asked if '"tasks"."history"' in query["sql"]]
        assert len(asked) < 40


class TestNeighbours:
    def test_the_others_of_its_context_are_linked_up_to_a_limit(self, client: Client) -> None:
        context = uuid.uuid4()
        key, *others = [insert_task(context_id=context) for _ in range(13)]
        response = client.get(page(TASK, "change", key)).content.decode()
        related = response.partition('id="related"')[2].partition("</section>")[0]
        linked = [other for other in others if page(TASK, "change", other) in related]
        assert len(linked) == 10
        assert f"{page(TASK, 'changelist')}?context_id={context}" in related

    def test_ids_and_objects_with_ids_are_resolved_in_one_query(self, client: Client) -> None:
        first, second, unknown = insert_task(name="first"), insert_task(name="second"), uuid.uuid4()
        key = insert_task(sub_tasks=json.dumps([str(first), {"id": str(second)}, str(unknown)]), dependencies='["x"]')
        with CaptureQueriesContext(connections["agents"]) as asked:
            response = client.get(page(TASK, "change", key)).content.decode()
        for sub in (first, second):
            assert page(TASK, "change", sub) in response
        assert f"<code>{unknown}</code> (no such task)" in response
        assert "<code>x</code> (no such task)" in response
        assert len([query for query in asked if first.hex in query["sql"]]) == 1

    def test_a_retry_and_a_part_lead_to_what_they_are_of(self, client: Client) -> None:
        old = insert_task(name="the first attempt")
        for name in ("retry_of", "parent_task_id"):
            assert "the first attempt" in said(client, insert_task(metadata=json.dumps({name: str(old)})))


def test_the_state_says_since_when_who_and_how_long(client: Client) -> None:
    late = uuid.uuid4()
    since = datetime.now(UTC) - timedelta(hours=3)
    key = insert_task(status="working", status_timestamp=since, user_id=late, progress=40, status_message="at it")
    shown = said(client, key)
    assert "▶ working since 3 h ago : at it" in shown
    assert "Running too long: 2 h beyond the hour" in shown
    assert f"{late} (not in this database" in shown


def test_logs_are_a_table(client: Client) -> None:
    lines = [{"at": at(1), "level": "error", "message": "no answer", "node": "n1"}, "plain", {"msg": "short"}]
    shown = said(client, insert_task(logs=json.dumps(lines)))
    for expected in ("2026-03-01 12:01:00 ✕ error no answer", '"n1"', '"plain"', "short"):
        assert expected in shown


class TestForm:
    OWNED = {"status", "status_message", "history", "artifacts", "outcome", "logs", "progress", "sub_tasks"}
    OWNED |= {"assigned_agent", "context_id", "started_at", "completed_at", "current_retries", "dependencies"}

    def test_has_no_field_for_what_services_own(self, client: Client) -> None:
        given = fields(client.get(page(TASK, "change", insert_task())))
        assert not self.OWNED & given.keys()
        assert {"name", "priority", "category", "parameters", "estimated_duration"} <= given.keys()

    @pytest.mark.parametrize("column", sorted(OWNED))
    def test_changes_none_of_it_whatever_is_sent(self, column: str, client: Client) -> None:
        key = insert_task(status="working")
        before = adminpages.record(TASK, key)
        adminpages.saved(submit(client, page(TASK, "change", key), **{column: "1", "name": "renamed"}), TASK)
        after = adminpages.record(TASK, key)
        assert {name for name in after if after[name] != before[name]} <= {"name", "updated_at"}
        assert after["name"] == "renamed"

    def test_a_service_that_goes_on_meanwhile_is_no_conflict(self, client: Client) -> None:
        key = insert_task(status="working")
        data = fields(client.get(page(TASK, "change", key)))
        agents.run("UPDATE tasks SET progress = 70, status = 'completed', history = '[1]' WHERE id = %s", [key])
        adminpages.saved(client.post(page(TASK, "change", key), {**data, "name": "renamed"}), TASK)
        after = adminpages.record(TASK, key)
        assert (after["name"], after["progress"], after["status"]) == ("renamed", 70, "completed")

    def test_the_second_of_two_who_edit_is_told(self, client: Client) -> None:
        key = insert_task(priority="low")
        data = fields(client.get(page(TASK, "change", key)))
        adminpages.saved(submit(client, page(TASK, "change", key), priority="high"), TASK)
        response = client.post(page(TASK, "change", key), {**data, "priority": "urgent"})
        assert "changed while you were editing" in response.content.decode()
        assert adminpages.record(TASK, key)["priority"] == "high"

    def test_a_viewer_sees_the_timeline_and_no_button(self) -> None:
        key = insert_task(status="failed", history=json.dumps([message("user", text("please"))]))
        response = adminpages.viewer().get(page(TASK, "change", key)).content.decode()
        assert "please" in response
        assert "/do/" not in response
