"""Every kind of filter with good, bad and hostile values."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from nullstore.admin.lists.filters import Conditions, Exact, ForeignId, HasTag, IsNull, OneOf, TimeWindow
from tests.integration import erebus_rows
from tests.integration.adminpages import MODELS, insert_engram, insert_replica, insert_task, page
from tests.integration.lists import Shown, listed

pytestmark = [
    pytest.mark.django_db(databases=["erebus", "agents"]),
    pytest.mark.usefixtures("patience"),
]

TASK, ENGRAM = "agents_app.Task", "agents_app.Engram"


class Soon(Conditions):
    title = "soon"
    parameter_name = "soon"
    conditions = {"yes": ("To come", lambda: Q(created_at__gt=timezone.now()))}


FILTERS = {
    TASK: (
        ("status", OneOf),
        ("auto_retry", OneOf),
        ("completed_at", IsNull),
        ("task_type", Exact),
        ("max_retries", Exact),
        ("created_at", TimeWindow),
        ("user", ForeignId),
        ("context_id", ForeignId),
        Soon,
    ),
    ENGRAM: (("tags", HasTag),),
}


@pytest.fixture(autouse=True)
def filters(monkeypatch: pytest.MonkeyPatch) -> None:
    for label, given in FILTERS.items():
        monkeypatch.setattr(admin.site.get_model_admin(MODELS[label]), "list_filter", given)


def refused(shown: Shown, said: str) -> None:
    """Assert that nothing is listed, and that both the page and the filter say why."""
    assert (shown.keys, shown.count) == ([], "0")
    (notice,) = shown.notices
    assert said in notice
    assert notice.endswith("No rows are shown.")
    (spec,) = [spec for spec in shown.changes.filter_specs if spec.error]
    assert said in spec.error
    assert shown.text.count(spec.error) == 2


ago = {"minute": timedelta(minutes=1), "three hours": timedelta(hours=3), "three days": timedelta(days=3)}


class TestGoodValues:
    @pytest.mark.parametrize(
        ("columns", "parameters"),
        [
            ({"status": "failed"}, {"status": "failed"}),
            ({"status": "failed"}, {"status__exact": "failed"}),
            ({"auto_retry": False}, {"auto_retry": "0"}),
            ({"status": "canceled"}, {"completed_at__isnull": "0"}),
            ({"task_type": "odd / näme"}, {"task_type": " odd / näme "}),
            ({"max_retries": 7}, {"max_retries": "7"}),
            ({"created_at": "2020-05-05 12:00Z"}, {"created_at__lt": "2020-05-05T12:01"}),
            ({"created_at": "2020-05-05 12:00Z"}, {"created_at__gte": "2020-05-05", "created_at__lt": "2020-05-06"}),
            ({"created_at": "2990-01-01"}, {"created_at__gte": "2989-12-31T23:59:59"}),
            ({"created_at": "2990-01-01"}, {"soon": "yes"}),
        ],
    )
    def test_leave_the_rows_that_have_them(
        self, columns: dict[str, Any], parameters: dict[str, str], client: Client
    ) -> None:
        key = insert_task(**columns)
        insert_task()
        shown = listed(client, TASK, **parameters)
        assert (shown.keys, shown.notices, shown.count) == ([key], [], "1")

    def test_an_id_of_a_foreign_key_or_of_none(self, client: Client) -> None:
        user, context = insert_replica(), uuid4()
        key = insert_task(user_id=user, context_id=context)
        insert_task()
        for parameters in ({"user": user}, {"user_id": user}, {"context_id": f" {context.hex} "}):
            assert listed(client, TASK, **parameters).keys == [key]
        assert listed(client, TASK, user=uuid4()).keys == []

    def test_a_tag_is_a_whole_one(self, client: Client) -> None:
        key = insert_engram(tags=["sol", "a, b"])
        insert_engram(tags=["solana"])
        assert listed(client, ENGRAM, tags="sol").keys == [key]
        assert listed(client, ENGRAM, tags="a, b").keys == [key]
        assert listed(client, ENGRAM, tags="so").keys == []

    @pytest.mark.parametrize(("window", "count"), [("hour", 1), ("day", 2), ("week", 3)])
    def test_windows_end_now(self, window: str, count: int, client: Client) -> None:
        for distance in ago.values():
            insert_task(created_at=timezone.now() - distance)
        insert_task(created_at="2020-01-01")
        assert listed(client, TASK, created_at__within=window).count == str(count)

    def test_several_at_once(self, client: Client) -> None:
        key = insert_task(status="failed", task_type="odd")
        insert_task(status="failed")
        insert_task(task_type="odd")
        shown = listed(client, TASK, status="failed", task_type="odd", created_at__within="hour")
        assert shown.keys == [key]

    def test_empty_inputs_filter_nothing(self, client: Client) -> None:
        insert_task()
        empty = dict.fromkeys(("task_type", "user", "created_at__gte", "created_at__lt", "status", "soon"), "")
        assert listed(client, TASK, **empty).count == "1"


class TestValuesOfServices:
    """Services add values of their own to a list of choices."""

    def test_one_is_filtered_by_and_shown_as_it_is(self, client: Client) -> None:
        key = erebus_rows.insert("crossroads_listings", status="<quarantined>")["id"]
        erebus_rows.insert("crossroads_listings")
        response = client.get(page("erebus_app.Listing", "changelist"), {"status": "<quarantined>"})
        assert [row.pk for row in response.context["cl"].result_list] == [key]
        said = response.content.decode()
        assert "&lt;quarantined&gt;</a>" in said
        assert "<quarantined>" not in said
        assert "is none of" not in said

    def test_one_that_no_row_has_leaves_none_and_names_itself(self, client: Client) -> None:
        insert_task()
        response = client.get(page(TASK, "changelist"), {"status": "bogus"})
        assert list(response.context["cl"].result_list) == []
        assert ">bogus</a>" in response.content.decode()


class TestBadValues:
    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"status": "\x00"}, "It holds a null byte"),
            ({"status": "x" * 33}, "is none of submitted, working,"),
            ({"status": "x" * 9000}, "is none of submitted"),
            ({"auto_retry": "maybe"}, "“maybe” is none of 1, 0."),
            ({"completed_at__isnull": "2"}, "“2” is none of 0, 1."),
            ({"soon": "never"}, "“never” is none of yes."),
            ({"task_type": "x" * 101}, "No value of this column is longer than 100 characters."),
            ({"task_type": "a\x00b"}, "It holds a null byte"),
            ({"max_retries": "seven"}, "“seven” value must be an integer"),
            ({"user": "7"}, "“7” is no id: a whole UUID"),
            ({"context_id": "\x00"}, "It holds a null byte"),
            ({"user": "' OR 1=1 --"}, "is no id"),
            ({"created_at__within": "year"}, "“year” is none of hour, day, week."),
            ({"created_at__gte": "yesterday"}, "“yesterday” is no time. Write it as 2026-01-31T12:00."),
            ({"created_at__gte": "2026-02-31T12:00"}, "is no time"),
            ({"created_at__lt": "\x00"}, "is no time"),
            ({"created_at__gte": "2026-01-02", "created_at__lt": "2026-01-01"}, "It ends before it begins."),
            ({"created_at__gte": "2026-01-02", "created_at__within": "day"}, "not both"),
        ],
        ids=repr,
    )
    def test_leave_nothing_and_say_why(self, parameters: dict[str, str], said: str, client: Client) -> None:
        insert_task()
        refused(listed(client, TASK, **parameters), said)

    @pytest.mark.parametrize("value", ["9" * 30, "-" + "9" * 30])
    def test_a_number_that_the_column_cannot_hold_is_that_of_no_row(self, value: str, client: Client) -> None:
        insert_task()
        assert listed(client, TASK, max_retries=value).keys == []

    @pytest.mark.parametrize("value", ["0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00:00+14:00"])
    def test_times_at_the_ends_of_the_calendar_can_be_asked_for(self, value: str, client: Client) -> None:
        insert_task()
        for name in ("created_at__gte", "created_at__lt"):
            assert listed(client, TASK, **{name: value}).notices == []

    @pytest.mark.parametrize("tag", ["a\x00b", "x" * 5000, "{", '"', "\\", "é", "'"])
    def test_a_tag_may_be_any_text(self, tag: str, client: Client) -> None:
        insert_engram(tags=["sol"])
        assert listed(client, ENGRAM, tags=tag).keys == []


class TestOtherParameters:
    @pytest.mark.parametrize(
        "name",
        [
            "no_such_column",
            "name",
            "name__startswith",
            "status__regex",
            "status__in",
            "user__email__startswith",
            "metadata__secret",
            "id__exact",
            "created_at__year",
            "\x00",
            "__",
        ],
    )
    def test_no_others_reach_the_database(self, name: str, client: Client) -> None:
        insert_task()
        shown = listed(client, TASK, **{name: "1"})
        assert (shown.keys, shown.count) == ([], "0")
        assert [f"“{name}”" in notice for notice in shown.notices] == [True]
        assert name == "__" or name not in str(shown.links) + shown.changes.get_query_string()

    @pytest.mark.parametrize("parameters", [{"status": "bogus"}, {"nonsense": "1"}, {"q": "\x00"}])
    def test_an_action_on_all_rows_of_a_list_that_shows_none_reaches_none(
        self, parameters: dict[str, str], client: Client
    ) -> None:
        keys = [str(insert_task()) for _ in range(2)]
        shown = listed(client, TASK, **parameters)
        data = {"action": "delete_selected", "select_across": "1", "_selected_action": keys[0], "post": "yes"}
        client.post(shown.response.wsgi_request.get_full_path(), {**data, "index": "0"})
        assert listed(client, TASK).count == "2"


class TestForms:
    def test_keep_what_else_is_in_the_address(self, client: Client) -> None:
        shown = listed(client, TASK, status="failed", q="x", o="-1", task_type="<b>")
        for spec in shown.changes.filter_specs:
            choices = list(spec.choices(shown.changes))
            if "kept" in choices[0]:
                own = spec.expected_parameters()
                given = {"status": "failed", "q": "x", "o": "-1", "task_type": "<b>"}
                assert dict(choices[0]["kept"]) == {name: value for name, value in given.items() if name not in own}
        assert 'value="&lt;b&gt;"' in shown.response.content.decode()

    def test_links_keep_it_too_and_mark_what_is_chosen(self, client: Client) -> None:
        shown = listed(client, TASK, status="failed", task_type="odd")
        spec = shown.changes.filter_specs[0]
        chosen = {choice["display"]: choice for choice in spec.choices(shown.changes)}
        assert [name for name, choice in chosen.items() if choice["selected"]] == ["Failed"]
        assert chosen["All"]["query_string"] == "?task_type=odd"
        assert chosen["Working"]["query_string"] == "?status=working&task_type=odd"
