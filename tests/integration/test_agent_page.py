"""Agents: their list and page: health, load, throughput, tasks."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents_app.admin.agents import load
from agents_app.admin.agents.chart import HEIGHT, WIDTH, bars
from agents_app.models import Task
from tests.integration import adminpages
from tests.integration.adminpages import agents, insert_agent, insert_task, page

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

AGENT, TASK = "agents_app.Agent", "agents_app.Task"
NOW = datetime.now(UTC)


def shown(client: Client, address: str) -> str:
    """The page as text: blanks for tags, entities resolved, white space as one blank."""
    response = client.get(address)
    assert response.status_code == 200, response.headers
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def insert_finished(agent: Any, status: str, ago: timedelta) -> Any:
    return insert_task(assigned_agent_id=agent, status=status, completed_at=NOW - ago)


@pytest.mark.parametrize(
    ("checked", "words"),
    [(None, "never checked"), (timedelta(0), "healthy checked"), (timedelta(hours=1), "stale: checked 1 h")],
)
def test_health_says_when_it_is_stale(checked: timedelta | None, words: str, client: Client) -> None:
    last = None if checked is None else datetime.now(UTC) - checked
    key = insert_agent(health_status="healthy", last_health_check=last)
    said = shown(client, page(AGENT, "change", key))
    assert words in said
    assert ("stale" in said) is (checked is not None and checked > timedelta(minutes=5))
    assert "✓ healthy" in said


def test_load_counts_tasks_by_state_and_links_to_them(client: Client) -> None:
    key = insert_agent()
    for status in ("working", "working", "failed"):
        insert_task(assigned_agent_id=key, status=status)
    insert_task(assigned_agent_id=insert_agent(), status="working")
    response = client.get(page(AGENT, "change", key)).content.decode()
    counted = dict(re.findall(r"assigned_agent=[0-9a-f-]+&amp;status=([a-z-]+)\">([^<]+)<", response))
    assert counted == {**dict.fromkeys(Task.Status.values, "0"), "working": "2", "failed": "1"}


def test_more_than_is_counted_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.admin.agents.load.COUNTED", 2)
    monkeypatch.setattr("agents_app.admin.agents.page.COUNTED", 2)
    key = insert_agent()
    for _ in range(4):
        insert_task(assigned_agent_id=key)
    assert load.by_state(key)["submitted"] == 3
    assert "more than 2 submitted" in shown(client, page(AGENT, "change", key))


def test_throughput_is_by_the_hour_of_the_last_day(client: Client) -> None:
    key = insert_agent()
    for status, hours in [("completed", 0), ("completed", 3), ("failed", 3), ("canceled", 3), ("failed", 30)]:
        insert_finished(key, status, timedelta(hours=hours))
    insert_task(assigned_agent_id=key, status="working")
    hours = load.by_hour(key)
    assert len(hours) == 24
    assert [(hour.finished, hour.failed) for hour in hours if hour.finished] == [(3, 1), (1, 0)]
    assert [hour.begin for hour in hours] == sorted(hour.begin for hour in hours)
    said = shown(client, page(AGENT, "change", key))
    assert "4 tasks finished in the last 24 hours, 1 of them failed." in said
    assert "Finished tasks per hour, at most 3 in one; 1 of 4 failed." in said


def test_without_any_there_is_no_chart(client: Client) -> None:
    response = client.get(page(AGENT, "change", insert_agent())).content.decode()
    assert "0 tasks finished" in response
    assert "ag-chart" not in response


def test_its_tasks_are_listed_up_to_a_limit(client: Client) -> None:
    key = insert_agent()
    others = [
        insert_task(assigned_agent_id=key, status="completed", created_at=NOW + timedelta(minutes=n)) for n in range(12)
    ]
    still = insert_task(assigned_agent_id=key, created_at=NOW - timedelta(days=9))
    response = client.get(page(AGENT, "change", key)).content.decode()
    tasks = response.partition('id="tasks"')[2].partition("</section>")[0]
    assert page(TASK, "change", still) in tasks
    assert sum(page(TASK, "change", other) in tasks for other in others) == 10
    assert "See all tasks" in tasks
    assert "See all open tasks" not in tasks


def test_the_list_shows_health_and_load_with_as_many_queries_for_many(client: Client) -> None:
    def ask() -> int:
        with CaptureQueriesContext(connections["agents"]) as asked:
            assert client.get(page(AGENT, "changelist")).status_code == 200
        return len(asked)

    key = insert_agent(name="hecate", last_health_check=NOW - timedelta(days=2))
    for status in ("working", "submitted", "completed"):
        insert_task(assigned_agent_id=key, status=status)
    one = ask()
    response = client.get(page(AGENT, "changelist")).content.decode()
    assert f'?assigned_agent={key}&amp;state=open">2</a>' in response
    assert "stale: checked 2 d" in response
    for _ in range(20):
        insert_task(assigned_agent_id=insert_agent())
    assert ask() == one


def test_open_tasks_are_counted_up_to_a_bound(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("load", "admin"):
        monkeypatch.setattr(f"agents_app.admin.agents.{module}.COUNTED_IN_LIST", 2)
    keys = [insert_agent() for _ in range(2)]
    for key in (*keys, *keys, keys[1], keys[1]):
        insert_task(assigned_agent_id=key)
    response = client.get(page(AGENT, "changelist"))
    assert [each.open_tasks for each in response.context["cl"].result_list] == [2, 3]
    shown = dict(re.findall(r'assigned_agent=([0-9a-f-]+)&amp;state=open">([^<]+)<', response.content.decode()))
    assert shown == {str(keys[0]): "2", str(keys[1]): "more than 2"}


def test_open_tasks_are_counted_for_the_list_alone(client: Client) -> None:
    key = insert_agent(name="hecate")
    choice = {"app_label": "agents_app", "model_name": "task", "field_name": "assigned_agent", "term": "hec"}
    for address, given in [(page(AGENT, "change", key), {}), (reverse("admin:autocomplete"), choice)]:
        with CaptureQueriesContext(connections["agents"]) as asked:
            assert "hecate" in client.get(address, given).content.decode()
        assert not [query["sql"] for query in asked if "AS bounded" in query["sql"]]


def test_bars_stand_on_each_other_in_proportion() -> None:
    hours = [load.Hour(NOW, finished, failed) for finished, failed in [(8, 2), (4, 4), (0, 0), (4, 0)]]
    drawn = bars(hours)
    unit = HEIGHT / 8
    assert [(bar.well_height / unit, bar.failed_height / unit) for bar in drawn] == [(6, 2), (0, 4), (0, 0), (4, 0)]
    for bar in drawn:
        assert bar.well_y + bar.well_height == bar.failed_y
        assert bar.failed_y + bar.failed_height == HEIGHT
        assert bar.width < WIDTH / 4
    assert [bar.x for bar in drawn] == [0, WIDTH / 4, WIDTH / 2, WIDTH * 3 / 4]
    assert [bar.hour for bar in drawn] == hours


@pytest.mark.parametrize("hours", [[], [load.Hour(NOW, 0, 0)]])
def test_bars_of_nothing_have_no_height(hours: list[load.Hour]) -> None:
    assert [(bar.well_height, bar.failed_height) for bar in bars(hours)] == [(0, 0)] * len(hours)


def test_what_services_measure_meanwhile_is_no_conflict(client: Client) -> None:
    key = insert_agent(performance_metrics='{"p95": 1}')
    data = adminpages.fields(client.get(page(AGENT, "change", key)))
    agents.run("UPDATE agents SET performance_metrics = '{\"p95\": 2}' WHERE id = %s", [key])
    adminpages.saved(client.post(page(AGENT, "change", key), {**data, "description": "new"}), AGENT)
    after = adminpages.record(AGENT, key)
    assert (after["description"], after["performance_metrics"]) == ("new", {"p95": 2})
    assert "p95" in shown(client, page(AGENT, "change", key))


def test_an_agent_that_goes_leaves_its_tasks(client: Client) -> None:
    key = insert_agent()
    task = insert_task(assigned_agent_id=key)
    client.post(page(AGENT, "delete", key), {"post": "yes"})
    assert agents.value("SELECT assigned_agent_id IS NULL FROM tasks WHERE id = %s", [task])
    assert "Agent none" in shown(client, page(TASK, "change", task))


def test_what_staff_change_is_recorded_without_secrets(client: Client) -> None:
    key = insert_agent(
        name="scribe", endpoint_url="https://ada:hidden-1@old/x", metadata='{"api_key": "hidden-2", "a": 1}'
    )
    given = {
        "name": "copyist",
        "endpoint_url": "https://ada:hidden-3@new/x?token=hidden-4",
        "metadata": '{"api_key": "hidden-5", "b": 1}',
        "capabilities": '["hidden-6"]',
    }
    adminpages.saved(adminpages.submit(client, page(AGENT, "change", key), **given), AGENT)
    (recorded,) = agents.rows("SELECT detail::text FROM ops_actions WHERE target_id = %s", [str(key)])
    assert json.loads(recorded[0])["changed"] == {
        "name": ["scribe", "copyist"],
        "endpoint_url": ["https://***@old/x", "https://***@new/x?token=***"],
        "metadata": {"added": ["b"], "removed": ["a"], "changed": ["api_key"]},
        "capabilities": "(a document)",
    }
    logged = LogEntry.objects.get(object_id=str(key)).change_message
    assert "Metadata" in logged
    assert "hidden" not in logged
