"""The list of tasks: its filters, each of which an index serves, its columns, and how few questions it asks."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import pytest
from django.db import connections
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents_app.admin.tasks.filters import NAMESAKES, Progressing
from agents_app.models import Task
from tests.integration.adminpages import insert_agent, insert_replica, insert_task, page
from tests.integration.plans import only

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"


def names(client: Client, **query: Any) -> set[str]:
    response = client.get(page(TASK, "changelist"), query)
    assert response.status_code == 200, response.headers
    return {task.name for task in response.context["cl"].result_list}


class TestStates:
    @pytest.mark.parametrize("status", Task.Status.values)
    def test_each_by_itself(self, status: str, client: Client) -> None:
        for each in Task.Status.values:
            insert_task(name=each, status=each)
        assert names(client, status=status) == {status}

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("final", {"completed", "canceled", "failed", "rejected"}),
            ("open", {"submitted", "working", "input-required", "auth-required", "unknown"}),
            ("interrupted", {"input-required", "auth-required"}),
        ],
    )
    def test_sets_of_them(self, state: str, expected: set[str], client: Client) -> None:
        for each in Task.Status.values:
            insert_task(name=each, status=each)
        assert names(client, state=state) == expected

    def test_running_too_long_is_longer_than_estimated_or_than_an_hour(self, client: Client) -> None:
        for name, minutes, estimated in [
            ("in time", 9, 600_000),
            ("late", 11, 600_000),
            ("without estimate", 59, None),
            ("late without estimate", 61, None),
            ("never late", 10_000, 2**63 - 1),
            ("late at once", 1, -(2**63)),
        ]:
            since = datetime.now(UTC) - timedelta(minutes=minutes)
            insert_task(name=name, status="working", status_timestamp=since, estimated_duration=estimated)
        insert_task(name="waits", status="input-required", status_timestamp=datetime.now(UTC) - timedelta(days=3))
        assert names(client, state="late") == {"late", "late without estimate", "late at once"}

    def test_no_date_can_fail_the_write_of_a_task_that_works(self) -> None:
        for date in ("infinity", "-infinity", "294276-12-31", "4713-01-01 BC"):
            insert_task(status="working", status_timestamp=date, estimated_duration=2**63 - 1)


@pytest.mark.parametrize(
    ("column", "wanted"), [("priority", "urgent"), ("task_type", "swap"), ("category", "scheduled")]
)
def test_filters_by_column(column: str, wanted: str, client: Client) -> None:
    insert_task(name="wanted", **{column: wanted})
    insert_task(name="other")
    assert names(client, **{column: wanted}) == {"wanted"}


def test_filters_by_agent_user_and_context(client: Client) -> None:
    given = {"assigned_agent": insert_agent(), "user": insert_replica(), "context_id": uuid.uuid4()}
    columns = {"assigned_agent": "assigned_agent_id", "user": "user_id"}
    for name, key in given.items():
        insert_task(name=name, **{columns.get(name, name): key})
    for name, key in given.items():
        assert names(client, **{name: key}) == {name}


class TestNames:
    """An agent, or a user, by its name instead of its id."""

    FILTERS = [
        ("assigned_agent", lambda name, kind: insert_agent(name=name, agent_type=kind)),
        ("user", lambda name, kind: insert_replica(source_identifier=name, network=kind)),
    ]

    @pytest.mark.parametrize(("name", "insert"), FILTERS)
    @pytest.mark.parametrize("typed", ["Ada & Co", " Ada & Co "])
    def test_all_of_exactly_this_name(self, name: str, insert: Any, typed: str, client: Client) -> None:
        for called in ("Ada & Co", "ada & co", "Ada & Co 2"):
            for kind in ("llm", "bot"):
                insert_task(name=f"{called}, {kind}", **{f"{name}_id": insert(called, kind)})
        assert names(client, **{name: typed}) == {"Ada & Co, llm", "Ada & Co, bot"}
        assert names(client, **{name: "ada & co"}) == {"ada & co, llm", "ada & co, bot"}

    @pytest.mark.parametrize(("name", "insert"), FILTERS)
    @pytest.mark.parametrize("typed", ["Ada", "x" * 3000, "\x00", "<b>"])
    def test_nobody_of_this_name_is_an_error(self, name: str, insert: Any, typed: str, client: Client) -> None:
        insert_task(**{f"{name}_id": insert("Ada & Co", "llm")})
        response = client.get(page(TASK, "changelist"), {name: typed})
        said = response.content.decode()
        assert not response.context["cl"].result_list
        assert "cannot be used" in said
        why = "holds a null byte" if typed == "\x00" else f"“{escape(typed[:100])}” is neither a whole id nor"
        assert why in said

    @pytest.mark.parametrize(("name", "insert"), FILTERS)
    def test_the_tasks_are_found_by_ids(self, name: str, insert: Any, client: Client) -> None:
        key = insert("Ada & Co", "llm")
        insert_task(name="wanted", **{f"{name}_id": key})
        for typed, more in ((str(key), 0), ("Ada & Co", 1)):
            with CaptureQueriesContext(connections["agents"]) as asked:
                assert names(client, **{name: typed}) == {"wanted"}
            by_name = [query["sql"] for query in asked if "Ada & Co" in query["sql"]]
            assert len(by_name) == more
            assert not [sql for sql in by_name if '"tasks"' in sql]

    def test_very_many_of_one_name_are_an_error(self, client: Client) -> None:
        for kind in range(NAMESAKES + 1):
            insert_agent(name="Ada", agent_type=f"{kind}")
        said = client.get(page(TASK, "changelist"), {"assigned_agent": "Ada"}).content.decode()
        assert "“Ada” stands for more than 100 rows: give an id." in said

    @pytest.mark.parametrize(("name", "said"), [("assigned_agent", "exact name"), ("user", "source identifier")])
    def test_the_box_says_what_it_takes(self, name: str, said: str, client: Client) -> None:
        shown = client.get(page(TASK, "changelist")).content.decode()
        assert said in shown.partition(f'<label for="filter-{name}"')[2].partition("</label>")[0]


@pytest.mark.parametrize(("window", "expected"), [("hour", 1), ("day", 2), ("week", 3)])
def test_filters_by_window(window: str, expected: int, client: Client) -> None:
    for age in (timedelta(minutes=59), timedelta(hours=23), timedelta(days=6), timedelta(days=8)):
        insert_task(name=str(age), created_at=datetime.now(UTC) - age)
    assert len(names(client, created_at__within=window)) == expected


def test_filters_narrow_each_other(client: Client) -> None:
    insert_task(name="both", status="failed", priority="urgent")
    insert_task(name="one", status="failed")
    insert_task(name="other", priority="urgent")
    assert names(client, status="failed", priority="urgent") == {"both"}


@pytest.mark.parametrize("term", ["Swap", " Swap 5 ", "Swap 5 USDC"])
def test_finds_the_beginning_of_a_name(term: str, client: Client) -> None:
    insert_task(name="Swap 5 USDC")
    insert_task(name="A Swap")
    assert names(client, q=term) == {"Swap 5 USDC"}


@pytest.mark.parametrize("query", ["state=none", "status=%00", "user=garbage", "task_type=%00", "created_at__gte=x"])
def test_a_value_without_a_sense_shows_nothing_and_says_so(query: str, client: Client) -> None:
    insert_task()
    response = client.get(f"{page(TASK, 'changelist')}?{query}")
    assert response.status_code == 200
    assert "No rows are shown" in response.content.decode()


def test_a_row_says_who_and_since_when(client: Client) -> None:
    agent, user, late = insert_agent(name="hecate"), insert_replica(source_identifier="0xada"), uuid.uuid4()
    insert_task(assigned_agent_id=agent, user_id=user, status="input-required", priority="urgent", progress=40)
    insert_task(user_id=late)
    said = client.get(page(TASK, "changelist")).content.decode()
    for expected in (
        f'<a href="{page("agents_app.Agent", "change", agent)}">hecate</a>',
        f'<a href="{page("agents_app.UserReference", "change", user)}">0xada</a>',
        f"{late} (not here)",
        "input-required</span> 40%",
        "urgent</span>",
        "ago</time>",
    ):
        assert expected in said, expected


def test_a_page_of_many_asks_as_much_as_a_page_of_one_and_reads_no_document(client: Client) -> None:
    def ask() -> list[str]:
        with CaptureQueriesContext(connections["agents"]) as asked:
            assert client.get(page(TASK, "changelist")).status_code == 200
        return [query["sql"] for query in asked]

    insert_task(user_id=insert_replica(), assigned_agent_id=insert_agent())
    one = ask()
    for _ in range(20):
        insert_task(user_id=insert_replica(), assigned_agent_id=insert_agent())
    many = ask()
    assert len(many) == len(one)
    columns = re.compile(r'"(history|artifacts|metadata|description|source_type|capabilities)"')
    assert not [sql for sql in many if columns.search(sql)]


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("tasks_type", Q(task_type="swap")),
        ("tasks_category", Q(category="scheduled")),
        ("tasks_priority", Q(priority="urgent")),
        ("tasks_user_status", Q(user=uuid.UUID(int=0))),
        ("tasks_user_status", Q(user=uuid.UUID(int=0), status="failed")),
        # Of a name that one has.
        ("tasks_user_status", Q(user__in=[uuid.UUID(int=0)])),
        ("tasks_assigned_agent", Q(assigned_agent__in=[uuid.UUID(int=0)])),
        ("tasks_agent_status", Q(assigned_agent=uuid.UUID(int=0), status="failed")),
        ("tasks_open", Progressing.conditions["open"][1]()),
        ("tasks_open", Progressing.conditions["open"][1]() & Q(assigned_agent=uuid.UUID(int=0))),
        ("tasks_interrupted", Progressing.conditions["interrupted"][1]()),
    ],
)
def test_an_index_gives_the_filtered_list_in_its_order(index: str, condition: Q) -> None:
    only("tasks", index, "bitmapscan", "sort")
    said = Task.objects.filter(condition).order_by("-created_at", "-id")[:50].explain()
    assert f"using {index} " in said
    assert "Sort" not in said
    assert "Filter" not in said


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("tasks_due", Progressing.conditions["late"][1]()),
        ("tasks_name", Q(name__startswith="Swap")),
        ("tasks_user_status", Q(user__in=[uuid.UUID(int=0), uuid.UUID(int=1)])),
        ("tasks_assigned_agent", Q(assigned_agent__in=[uuid.UUID(int=0), uuid.UUID(int=1)])),
    ],
)
def test_an_index_finds_the_few_rows(index: str, condition: Q) -> None:
    only("tasks", index, "bitmapscan")
    said = Task.objects.filter(condition).explain()
    assert f"using {index} " in said
    assert "Index Cond" in said
