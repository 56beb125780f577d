"""What a list may cost, whatever the table holds: counts within bounds, statements that are stopped, few queries."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.test import Client
from django.test.utils import CaptureQueriesContext

from nullstore.admin.lists import admin as lists_admin
from nullstore.admin.lists import changelist, counts, timeouts
from nullstore.admin.lists.filters import Conditions
from nullstore.admin.lists.timeouts import statement_timeout, timed_out
from tests.integration.adminpages import MODELS, agents, insert_row, insert_task
from tests.integration.baresql import BareSQL
from tests.integration.lists import listed

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"
TABLES = sorted(MODELS)
#: A count that ends after so many rows.
BOUNDED = re.compile(r"COUNT\(.* LIMIT \d+\) subquery$")


def sleeping(seconds: float, rows: str) -> Q:
    """A condition that takes a while before it leaves these rows."""
    return Q(pk__in=RawSQL(f"SELECT id FROM tasks, pg_sleep(%s) WHERE {rows}", [seconds]))


class Pace(Conditions):
    title = "pace"
    parameter_name = "pace"
    conditions = {
        "slow": ("Slow", lambda: sleeping(0.15, "true")),
        "slower": ("Slower", lambda: sleeping(60, "true")),
    }


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(MODELS[TASK]), "list_filter", (Pace, "status"))


def alias_of(label: str) -> str:
    return "erebus" if label.startswith("erebus_app") else "agents"


def pretend(label: str, rows: int) -> None:
    """Let PostgreSQL believe that the table was found to have so many rows when it was last analyzed."""
    table = MODELS[label]._meta.db_table
    BareSQL(alias_of(label)).run("UPDATE pg_class SET reltuples = %s WHERE oid = %s::regclass", [rows, table])


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that the block sends, without those of transactions."""
    sent: list[str] = []
    with ExitStack() as stack:
        captured = [stack.enter_context(CaptureQueriesContext(connections[each])) for each in ("erebus", "agents")]
        yield sent
        sent += [query["sql"] for each in captured for query in each if "SAVEPOINT" not in query["sql"]]


@in_databases
class TestCounts:
    def test_a_small_table_is_counted(self, client: Client) -> None:
        pretend(TASK, 9_999)
        for _ in range(3):
            insert_task()
        assert listed(client, TASK).count == "3"

    def test_of_a_table_that_was_never_analyzed_too(self, client: Client) -> None:
        pretend(TASK, -1)
        insert_task()
        assert listed(client, TASK).count == "1"

    def test_a_big_one_is_estimated_and_marked_so(self, client: Client) -> None:
        pretend(TASK, 3_000_000)
        insert_task()
        with statements() as sent:
            shown = listed(client, TASK)
        assert shown.count == "≈ 3,000,000"
        assert "≈ 3,000,000 tasks in all" in shown.text
        assert [statement for statement in sent if "COUNT(" in statement and "tasks" in statement] == []

    @pytest.mark.usefixtures("patience")
    @pytest.mark.parametrize(("rows", "count"), [(5, "5"), (6, "more than 5")])
    def test_what_a_filter_leaves_is_counted_up_to_a_limit(
        self, rows: int, count: str, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(counts.bounded_count, "__defaults__", (5,))
        monkeypatch.setattr(admin.site.get_model_admin(MODELS[TASK]), "list_per_page", 5)
        pretend(TASK, 3_000_000)
        for _ in range(rows):
            insert_task(status="failed")
        shown = listed(client, TASK, status="failed")
        assert shown.count == count
        assert len(shown.keys) == 5
        # So Django's page offers to select all only if there are more than it shows.
        assert (f"Select all {count} tasks" in shown.text) == (rows > 5)

    @pytest.mark.usefixtures("patience")
    def test_a_few_rows_are_sorted_not_looked_for_in_the_order_of_all(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = sorted((insert_task(status="failed", created_at="2026-01-01") for _ in range(3)), reverse=True)
        with statements() as sent:
            assert listed(client, TASK, status="failed").keys == keys
        assert [each for each in sent if "ORDER BY COALESCE(" in each]
        monkeypatch.setattr(changelist, "SORT_LIMIT", 2)
        with statements() as sent:
            assert listed(client, TASK, status="failed").keys == keys
        assert [each for each in sent if "ORDER BY COALESCE(" in each] == []

    @pytest.mark.usefixtures("pace")
    def test_counting_that_takes_too_long_is_given_up_and_the_rows_are_shown(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model_admin = admin.site.get_model_admin(MODELS[TASK])
        for _ in range(3):
            insert_task()
        assert listed(client, TASK, pace="slow").count == "3"
        monkeypatch.setattr(model_admin, "list_per_page", 2)
        shown = listed(client, TASK, pace="slow")
        assert (shown.count, len(shown.keys), shown.notices) == ("more than 2", 2, [])


@in_databases
@pytest.mark.usefixtures("pace")
class TestTimeouts:
    @pytest.fixture(autouse=True)
    def impatience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changelist, "ROWS_TIMEOUT", 300)

    def test_a_list_that_takes_too_long_says_so_and_what_to_do(self, client: Client) -> None:
        insert_task()
        shown = listed(client, TASK, pace="slower")
        assert shown.keys == []
        (notice,) = shown.notices
        assert "was stopped" in notice
        assert "Narrow the search or the filters down" in notice
        assert "an unknown number of tasks" in shown.text

    def test_the_page_after_it_is_as_ever(self, client: Client) -> None:
        key = insert_task()
        before = agents.value("SHOW statement_timeout")
        listed(client, TASK, pace="slower")
        assert listed(client, TASK).keys == [key]
        assert agents.value("SHOW statement_timeout") == before

    def test_a_deletion_of_all_that_it_might_hold_is_refused(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lists_admin, "ROWS_TIMEOUT", 100)
        key = insert_task()
        address = listed(client, TASK, pace="slower").response.wsgi_request.get_full_path()
        data = {"action": "delete_selected", "select_across": "1", "_selected_action": key, "post": "yes"}
        response = client.post(address, {**data, "index": "0"})
        (message,) = get_messages(response.wsgi_request)
        assert "Nothing was done" in str(message)
        assert listed(client, TASK).keys == [key]


class TestStatementTimeout:
    @in_databases
    def test_inside_a_transaction_the_one_of_before_is_in_force_again(self) -> None:
        agents.run("SET LOCAL statement_timeout = '7s'")
        with statement_timeout("agents", 50):
            assert agents.value("SHOW statement_timeout") == "50ms"
        assert agents.value("SHOW statement_timeout") == "7s"

    @in_databases
    def test_when_it_strikes_the_transaction_goes_on_and_the_one_of_before_is_in_force(self) -> None:
        agents.run("SET LOCAL statement_timeout = '7s'")
        with pytest.raises(DatabaseError) as caught, statement_timeout("agents", 50):
            agents.run("SELECT pg_sleep(60)")
        assert timed_out(caught.value)
        assert agents.value("SHOW statement_timeout") == "7s"

    @in_databases
    def test_another_error_is_not_taken_for_it(self) -> None:
        with pytest.raises(DatabaseError) as caught, statement_timeout("agents", 5000):
            agents.run("SELECT 1 / 0")
        assert not timed_out(caught.value)

    def test_without_a_transaction_it_ends_with_its_own(self, committed_agents: None) -> None:
        before = agents.value("SHOW statement_timeout")
        with statement_timeout("agents", 50):
            assert agents.value("SHOW statement_timeout") == "50ms"
        assert agents.value("SHOW statement_timeout") == before
        assert not connections["agents"].in_atomic_block

    def test_a_lock_that_somebody_holds_does_not_hold_the_page(self, committed_agents: None) -> None:
        other = connections["agents"].copy()
        with transaction.atomic(using="agents"):
            agents.run("LOCK TABLE ops_actions")
            try:
                with pytest.raises(DatabaseError) as caught, other.cursor() as cursor:
                    cursor.execute("SET statement_timeout = 50; SELECT FROM ops_actions")
            finally:
                other.close()
        assert timed_out(caught.value)


def reads(statement: str, table: str) -> bool:
    return re.search(rf'(FROM|JOIN) "{table}"', statement) is not None


@in_databases
@pytest.mark.parametrize("label", TABLES)
class TestEveryList:
    def test_takes_one_query_for_its_rows_and_counts_no_big_table(self, label: str, client: Client) -> None:
        for _ in range(3):
            insert_row(label)
        pretend(label, 3_000_000)
        with statements() as sent:
            shown = listed(client, label)
        assert shown.count == "≈ 3,000,000"
        assert len(shown.keys) == 3
        assert [each for each in sent if "COUNT(" in each and not BOUNDED.search(each)] == []
        assert [each for each in sent if " OFFSET " in each] == []
        own = [each for each in sent if reads(each, MODELS[label]._meta.db_table) and not BOUNDED.search(each)]
        assert len(own) == 1, own
        assert own[0].endswith(" LIMIT 51")
        before = sent[sent.index(own[0]) - 1]
        assert f"set_config('statement_timeout', '{timeouts.ROWS_TIMEOUT}', true)" in before

    def test_counts_within_bounds_what_a_search_leaves(self, label: str, client: Client) -> None:
        pretend(label, 3_000_000)
        with statements() as sent:
            listed(client, label, q="0123456789")
        assert [each for each in sent if "COUNT(" in each and not BOUNDED.search(each)] == []

    def test_leads_from_page_to_page(self, label: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin.site.get_model_admin(MODELS[label]), "list_per_page", 2)
        for _ in range(3):
            insert_row(label)
        first = listed(client, label)
        keys = [key for shown in first.walk("Next") for key in shown.keys]
        assert len(keys) == len(set(keys)) >= 3
        assert first.follow("Last").keys == keys[-2:]

    def test_sorts_by_each_column_that_it_offers(self, label: str, client: Client) -> None:
        for _ in range(2):
            insert_row(label)
        shown = listed(client, label)
        displayed: Any = shown.changes.list_display
        for number, name in enumerate(displayed):
            if name in shown.changes.sortable_by:
                up, down = listed(client, label, o=number), listed(client, label, o=f"-{number}")
                assert (up.keys[::-1], up.notices) == (down.keys, [])
