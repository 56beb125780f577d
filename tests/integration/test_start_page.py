"""The start page: figures that link to what they count, at a price that does not grow with the tables."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nullstore.admin import start
from nullstore.admin.lists.counts import RowCount
from nullstore.admin.start import charts, counting, keeping
from nullstore.admin.start.figures import FIGURES, Counted
from nullstore.groups import GROUPS
from tests.integration import erebus_rows
from tests.integration.adminpages import agents, insert_engram, insert_task

pytestmark = [
    pytest.mark.django_db(databases=["erebus", "agents"]),
    pytest.mark.usefixtures("known_to_nobody"),
]

START = "/admin/"


def content(client: Client) -> str:
    response = client.get(START)
    assert response.status_code == 200
    return unescape(response.content.decode())


def part(said: str, name: str) -> str:
    """The section of that name."""
    return said.partition(f'aria-labelledby="ns-{name}"')[2].partition("</section>")[0]


def fill() -> None:
    """A few rows of each kind, on several days, at the ends of a day too."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [today - timedelta(days=1), today - timedelta(microseconds=1), today, today - timedelta(days=13)]
    for moment in [*moments, today - timedelta(days=13, microseconds=1)]:
        insert_task(created_at=moment)
        erebus_rows.insert("user_references", created_at=moment)
    for status in ("failed", "working", "input-required", "failed"):
        insert_task(status=status)
    for hours in (25, 30):
        insert_task(status="failed", created_at=timezone.now() - timedelta(hours=hours))
    insert_task(status="failed", status_timestamp=timezone.now() - timedelta(hours=30))
    for engram_type in ("persona", "knowledge", "knowledge"):
        insert_engram(engram_type=engram_type)
    for status in ("pending", "pending", "approved"):
        erebus_rows.insert("crossroads_listings", status=status)


def test_each_number_is_a_link_to_the_list_that_it_counts(client: Client) -> None:
    fill()
    said = content(client)
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+): ([\d,]+)"', said)
    rows = re.findall(r'<th scope="row"><a href="([^"]+)">([^<]+)</a></th>\s*<td class="ns-number">([\d,]+)</td>', said)
    assert len(links) == 5 + 14 + 14
    assert len(rows) == 14 + 14 + 9 + 5
    for address, label, number in {*links, *rows}:
        shown = client.get(address).context["cl"]
        assert (shown.result_count, len(shown.result_list)) == (int(number), int(number)), (address, label)
    assert {label: number for _, label, number in links[:5]} == {
        "Users": "5",
        "Tasks": "12",
        "Engrams": "3",
        # Two were created and failed now, two were created long ago and failed now; one failed long ago.
        "Failed tasks of the last 24 h": "4",
        "Listings waiting for review": "2",
    }


def test_the_days_are_whole_and_the_last_is_today(client: Client) -> None:
    fill()
    days = re.findall(r'aria-label="(\d{4}-\d\d-\d\d): (\d+)"', part(content(client), "users-per-day"))
    today = timezone.now().date()
    assert [day for day, _ in days] == [str(today - timedelta(days=n)) for n in reversed(range(14))]
    assert [number for _, number in days] == ["1", *["0"] * 11, "2", "1"]


def test_an_empty_pair_has_a_start_page(client: Client) -> None:
    said = content(client)
    assert "Tasks: 0" in said
    assert 'height="0"' in said


@pytest.fixture
def big_table() -> Iterator[None]:
    """36,000 tasks, and statistics that know of them."""
    agents.run("SET LOCAL session_replication_role = replica")  # without triggers: 30,000 rows in no time
    agents.run(
        "INSERT INTO tasks (name, status, created_at) "
        "SELECT 't', (ARRAY['completed', 'completed', 'failed'])[1 + n % 3], now() - (n % 10) * interval '1 day' "
        "FROM generate_series(1, 36000) AS n"
    )
    agents.run("SET LOCAL session_replication_role = origin")
    agents.run("ANALYZE tasks")
    yield
    # What ANALYZE writes of a table's size, no ROLLBACK takes back.
    agents.run("DELETE FROM tasks")
    agents.run("ANALYZE tasks")


@pytest.mark.usefixtures("big_table")
def test_big_tables_are_estimated_and_nothing_is_counted_to_its_end(client: Client) -> None:
    insert_task(status="working")
    with CaptureQueriesContext(connections["agents"]) as asked:
        said = content(client)
    assert "Tasks: ≈ 36,000" in said
    states = dict(
        re.findall(r'">([a-z-]+)</a></th>\s*<td class="ns-number">([^<]+)</td>', part(said, "tasks-by-state"))
    )
    assert states["completed"].startswith("≈ 2")
    assert states["failed"].startswith("≈ 1")
    assert states["working"] == "1"
    assert all("LIMIT" in query["sql"] for query in asked if "COUNT(" in query["sql"] and "EXPLAIN" not in query["sql"])


def test_what_the_statistics_do_not_know_of_is_said_to_be_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_FEW", 2)
    for _ in range(3):
        insert_task()
    assert "Tasks: more than 2" in content(client)


@pytest.mark.parametrize(
    ("expected", "shown"),
    [(10_001, "≈ 10,000"), (12_345, "≈ 12,300"), (999_960, "≈ 1,000,000"), (3_001_240, "≈ 3,000,000")],
)
def test_an_estimate_claims_no_more_than_it_knows(expected: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_expected", lambda queryset: expected)
    assert str(counting.rows_of(User.objects.all())) == shown


def test_the_figures_are_kept_for_a_minute(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Tasks: 0" in content(client)
    insert_task()
    with CaptureQueriesContext(connections["agents"]) as asked:
        assert "Tasks: 0" in content(client)
    assert [query["sql"] for query in asked if "tasks" in query["sql"]] == []
    monkeypatch.setattr(keeping, "FRESH", 0.0)
    assert "Tasks: 1" in content(client)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("task", {"tasks", "failed", "tasks-per-day", "tasks-by-state"}),
        ("engram", {"engrams", "engrams-by-type"}),
        ("listing", {"waiting"}),
        ("wallet", set()),
    ],
)
def test_one_sees_figures_of_what_one_may_see(model: str, names: set[str]) -> None:
    user = User.objects.create_user("narrow", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=f"view_{model}"))
    client = Client()
    client.force_login(user)
    context = client.get(START).context
    assert {figure["name"] for figure in [*context["numbers"], *context["charts"]]} == names
    for figure in FIGURES:
        assert (figure.title in content(client)) == (figure.name in names), figure.title


def test_a_figure_that_takes_too_long_says_so_and_leaves_the_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> list[Counted]:
        with connections["agents"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return []

    slow_one = next(figure for figure in FIGURES if figure.name == "tasks-by-state")
    monkeypatch.setattr(start, "TIMEOUT", 30)
    monkeypatch.setattr(
        start,
        "FIGURES",
        [figure if figure != slow_one else start.Figure(*_but_load(figure), slow) for figure in FIGURES],
    )
    for _ in range(2):
        said = content(client)
        assert "Not counted: agents took longer than 0.03 s" in part(said, "tasks-by-state")
        assert "Engrams: 0" in said


def _but_load(figure: start.Figure) -> tuple[str, str, str, str]:
    return figure.name, figure.title, figure.kind, figure.model


def test_who_sees_everything_is_not_told_what_to_ask_for(client: Client) -> None:
    assert "Key custodian" not in content(client)


@pytest.mark.parametrize("permissions", [[], ["view_task"]])
def test_who_is_in_no_group_is_told_which_there_are(permissions: list[str]) -> None:
    user = User.objects.create_user("newcomer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    said = content(client)
    for group in GROUPS:
        assert f"<strong>{group}</strong>" in said


def test_what_one_did_last_is_there(client: Client) -> None:
    user = User.objects.get(pk=client.session["_auth_user_id"])
    for name in ("first", "second"):
        LogEntry.objects.create(user=user, action_flag=2, object_repr=f"{name} thing", change_message="")
    other = User.objects.create_user("other")
    LogEntry.objects.create(user=other, action_flag=2, object_repr="other thing", change_message="")
    said = content(client)
    assert said.index("second thing") < said.index("first thing")
    assert "other thing" not in said


def test_the_page_of_one_app_is_as_it_was(client: Client) -> None:
    said = client.get("/admin/agents_app/").content.decode()
    assert "Tasks" in said
    assert "does not answer" not in said
    assert "Recent actions" not in said


def test_one_request_counts_for_all_who_come_meanwhile() -> None:
    shelf: keeping.Shelf[int] = keeping.Shelf()
    calls, go_on, answers = [], threading.Event(), []

    def make() -> int:
        calls.append(1)
        go_on.wait(5)
        return len(calls)

    threads = [threading.Thread(target=lambda: answers.append(shelf.get("a", make))) for _ in range(5)]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert [made and made.value for made in answers] == [1] * 5


def test_others_get_the_old_figure_while_one_counts() -> None:
    shelf: keeping.Shelf[int] = keeping.Shelf()
    shelf.get("a", lambda: 1)
    inside, go_on = threading.Event(), threading.Event()

    def make() -> int:
        inside.set()
        go_on.wait(5)
        return 2

    thread = threading.Thread(target=lambda: shelf.get("a", make, 0))
    thread.start()
    inside.wait(5)
    old = shelf.get("a", make, 0)
    go_on.set()
    thread.join()
    assert old is not None
    assert old.value == 1
    new = shelf.get("a", make)
    assert new is not None
    assert new.value == 2


def test_bars_are_as_long_as_their_share_and_what_is_there_can_be_seen() -> None:
    counted = [Counted(str(number), RowCount(number), "") for number in (0, 1, 500, 1000)]
    assert [bar.height for bar in charts.upright(counted)] == [0, 2, 55, 110]
    assert [bar.width for bar in charts.lying(counted)] == [0, 2, 100, 200]
    assert charts.upright([]) == []
