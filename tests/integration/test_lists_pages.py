"""Pages of a list: there and back, also while rows come and go, and from any place one may be sent to."""

from typing import Any

import pytest
from django.contrib import admin
from django.core import signing
from django.db import connections
from django.test import Client

from nullstore.admin.lists.keyset import Keyset
from tests.integration import adminpages
from tests.integration.adminpages import MODELS, agents, page
from tests.integration.lists import Shown, listed

pytestmark = [
    pytest.mark.django_db(databases=["erebus", "agents"]),
    pytest.mark.usefixtures("patience"),
]

TASK, ACTION = "agents_app.Task", "agents_app.OpsAction"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for label in (TASK, ACTION):
        monkeypatch.setattr(admin.site.get_model_admin(MODELS[label]), "list_per_page", 5)


def insert_tasks(count: int, created_at: str = "2026-01-01", **columns: Any) -> list[Any]:
    """Insert tasks of one moment; return their ids, as the list has them."""
    given = {"name": "bulk", "created_at": created_at, **columns}
    names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
    rows = agents.rows(
        f"INSERT INTO tasks ({names}) SELECT {marks} FROM generate_series(1, %s) RETURNING id",
        [*given.values(), count],
    )
    return sorted((key for (key,) in rows), reverse=True)


@pytest.mark.usefixtures("small_pages")
class TestThereAndBack:
    def test_rows_of_one_moment_are_all_shown_once(self, client: Client) -> None:
        tasks = insert_tasks(23)
        pages = list(listed(client, TASK).walk("Next"))
        assert [len(shown.keys) for shown in pages] == [5, 5, 5, 5, 3]
        assert [key for shown in pages for key in shown.keys] == tasks
        back = list(pages[-1].walk("Previous"))
        assert [shown.keys for shown in back] == [shown.keys for shown in reversed(pages)]

    def test_from_the_last_page_too(self, client: Client) -> None:
        tasks = insert_tasks(3, "2026-01-02") + insert_tasks(9, "2026-01-01")
        last = listed(client, TASK).follow("Last")
        assert last.keys == tasks[-5:]
        assert (last.links["Next"], last.links["Last"]) == (None, None)
        back = list(last.walk("Previous"))
        # What is left over at the beginning is filled up: the first page is always a full one.
        assert [shown.keys for shown in back] == [tasks[-5:], tasks[-10:-5], tasks[:5]]
        assert back[-1].follow("Next").follow("First").keys == tasks[:5]

    @pytest.mark.parametrize("rows", [0, 1, 5])
    def test_one_page_leads_nowhere(self, rows: int, client: Client) -> None:
        insert_tasks(rows)
        for shown in (listed(client, TASK), listed(client, TASK, last=1)):
            assert len(shown.keys) == rows
            assert set(shown.links.values()) == {None}

    def test_in_either_direction(self, client: Client) -> None:
        tasks = insert_tasks(7)
        column = listed(client, TASK).changes.list_display.index("created_at")
        pages = list(listed(client, TASK, o=column).walk("Next"))
        assert [key for shown in pages for key in shown.keys] == tasks[::-1]
        assert pages[1].follow("Previous").keys == pages[0].keys

    def test_by_the_primary_key_alone(self, client: Client) -> None:
        for number in range(12):
            agents.insert("ops_actions", actor="ada", action="do", target_table="tasks", target_id=str(number))
        keys = [key for shown in listed(client, ACTION).walk("Next") for key in shown.keys]
        assert keys == sorted(keys, reverse=True)
        assert len(keys) == 12

    def test_with_a_filter_and_a_search_kept(self, client: Client) -> None:
        tasks = insert_tasks(12, status="failed")
        insert_tasks(12)
        shown = listed(client, TASK, status="failed", q="bulk")
        pages = list(shown.walk("Next"))
        assert [key for each in pages for key in each.keys] == tasks
        assert pages[1].count == "12"
        assert pages[2].follow("Previous").follow("Previous").keys == shown.keys

    def test_a_row_leads_back_to_the_list_as_it_was_filtered(self, client: Client) -> None:
        [key] = insert_tasks(1, status="failed")
        for query, kept in (("", ""), ("?status=failed", "?_changelist_filters=status%3Dfailed")):
            shown = client.get(f"{page(TASK, 'changelist')}{query}").content.decode()
            assert f'href="{page(TASK, "change", key)}{kept}"' in shown


@pytest.mark.usefixtures("small_pages")
class TestWhileRowsComeAndGo:
    def test_none_is_shown_twice_or_left_out(self, client: Client) -> None:
        tasks = insert_tasks(15)
        first = listed(client, TASK)
        new = insert_tasks(4, "2026-01-03")
        agents.run("DELETE FROM tasks WHERE id = ANY(%s)", [tasks[3:6]])
        second = first.follow("Next")
        assert second.keys == tasks[6:11]
        # The row by which the second page begins is gone; what is before it is not.
        agents.run("DELETE FROM tasks WHERE id = %s", [tasks[6]])
        assert second.follow("Previous").keys == [*new, tasks[0], tasks[1], tasks[2]][-5:]

    def test_the_way_back_ends_at_a_full_first_page(self, client: Client) -> None:
        tasks = insert_tasks(10)
        second = listed(client, TASK).follow("Next")
        agents.run("DELETE FROM tasks WHERE id = ANY(%s)", [tasks[:3]])
        shown = second.follow("Previous")
        assert shown.keys == tasks[3:8]
        assert shown.links["First"] is None

    def test_a_place_after_which_all_is_gone_leads_to_the_last_page(self, client: Client) -> None:
        tasks = insert_tasks(10)
        first = listed(client, TASK)
        agents.run("DELETE FROM tasks WHERE id = ANY(%s)", [tasks[5:]])
        assert first.follow("Next").keys == tasks[:5]


class TestPlacesInTheAddress:
    """A place is signed: of another list, cut off or made up it is answered with the first page."""

    def token(self, label: str = TASK, ordering: str = "-created_at") -> str:
        model = MODELS[label]
        return Keyset.of(model, [ordering]).token(model.objects.first())

    def bad_tokens(self) -> dict[str, str]:
        adminpages.insert_row("erebus_app.UserReference")
        good = self.token()
        return {
            "another list": self.token("erebus_app.UserReference"),
            "another order": self.token(ordering="created_at"),
            "cut off": good[:-1],
            "empty": "",
            "null byte": "\x00",
            "made up": "W10:x:y",
            "letters": "\u00e9\U0001f600",
            "other salt": signing.dumps(["2026-01-01", "x"]),
        }

    def test_bad_ones_are_answered_with_a_message_and_the_first_page(self, client: Client) -> None:
        tasks = insert_tasks(60)
        for why, token in self.bad_tokens().items():
            for name in ("after", "before"):
                shown = listed(client, TASK, **{name: token})
                assert shown.keys == tasks[:50], why
                assert shown.notices == [
                    "The address names a place in another list or order: this is the first page."
                ], why

    def test_a_good_one_is_followed(self, client: Client) -> None:
        tasks = insert_tasks(60)
        assert listed(client, TASK, after=self.token()).notices == []
        assert listed(client, TASK).follow("Next").keys == tasks[50:]

    def test_it_goes_with_a_new_filter_search_or_order(self, client: Client) -> None:
        insert_tasks(60)
        shown = listed(client, TASK).follow("Next")
        links = [
            choice["query_string"] for spec in shown.changes.filter_specs for choice in spec.choices(shown.changes)
        ]
        assert len(links) > 5
        assert [link for link in [*links, shown.changes.get_query_string({"o": "1"})] if "after" in link] == []
        assert 'name="after"' not in shown.text


class TestOrder:
    def test_only_indexed_columns_can_be_sorted_by(self, client: Client) -> None:
        insert_tasks(2)
        shown = listed(client, TASK)
        displayed = shown.changes.list_display
        assert {name for name in displayed if f"column-{name}" in shown.text} >= {"name", "created_at"}
        assert "sortable column-created_at" in shown.text
        assert "sortable column-name" not in shown.text

    @pytest.mark.parametrize("order", ["1", "-2", "99", "-", "x.y", "1.2.3", "-" * 50, "9" * 30, "\x00"])
    def test_any_other_is_ignored(self, order: str, client: Client) -> None:
        tasks = insert_tasks(3)
        assert listed(client, TASK, o=order).keys == tasks

    def test_a_page_is_one_range_of_the_index(self, client: Client) -> None:
        insert_tasks(60)
        keyset = Keyset.of(MODELS[TASK], ["-created_at"])
        place = keyset.place(keyset.token(MODELS[TASK].objects.first()))
        rows = MODELS[TASK].objects.filter(keyset.beyond(place)).order_by(*keyset.order_by())[:51]
        with connections["agents"].cursor() as cursor:
            # Which they would not be for sixty rows.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        plan = rows.explain()
        assert "Index Scan Backward using tasks_created" in plan
        assert "Index Cond: (ROW(created_at, id) < ROW(" in plan
        assert "Sort" not in plan
        assert "Filter" not in plan


def test_each_page_can_be_read_without_rows(client: Client) -> None:
    for query in ("", "?last=1"):
        shown = Shown(client, TASK, query)
        assert shown.keys == []
        assert "No rows to show." in shown.text
