"""Two who write one row: the second is told, and nothing is overwritten."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from nullstore.replication.connect import connect
from tests.integration import adminpages, erebus_rows
from tests.integration.adminpages import agents, errors, fields, insert_engram, insert_row, page, record, saved, submit

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

ENGRAM = "agents_app.Engram"


def editor(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return client


def save(client: Client, address: str, form: dict[str, str], **changes: Any) -> HttpResponse:
    return client.post(address, {**form, **changes})


@in_databases
class TestTwoPeople:
    def test_the_second_is_told_by_whom_and_nothing_is_overwritten(self) -> None:
        key = insert_engram(content='{"a": 1}', summary="one")
        address, ann, bob = page(ENGRAM, "change", key), editor("ann"), editor("bob")
        forms = fields(ann.get(address)), fields(bob.get(address))
        saved(save(bob, address, forms[1], content='{"a": 2}', reason="typo"), ENGRAM)
        before = record(ENGRAM, key)
        refused = save(ann, address, forms[0], content='{"a": 3}', summary="three")
        said = errors(refused)
        assert "Nothing was saved: Content changed while you were editing, by bob" in said
        assert "The row now says: " in said
        assert '{"a": 2}' in said
        assert record(ENGRAM, key) == before
        assert fields(refused)["content"] == '{"a": 3}'
        assert fields(refused)["summary"] == "three"

    def test_who_has_been_told_may_insist(self) -> None:
        key = insert_engram(content='{"a": 1}')
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        agents.run("UPDATE engrams SET content = '{\"a\": 2}' WHERE id = %s", [key])
        refused = save(ann, address, form, content='{"a": 3}')
        saved(save(ann, address, fields(refused)), ENGRAM)
        assert record(ENGRAM, key)["content"] == {"a": 3}
        assert record(ENGRAM, key)["version"] == 3

    def test_who_has_been_told_is_told_again_of_a_further_change(self) -> None:
        key = insert_engram(content='{"a": 1}')
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        for number in (2, 3):
            agents.run(f"UPDATE engrams SET content = '{number}' WHERE id = %s", [key])
            refused = save(ann, address, form, content='"mine"')
            assert f"The row now says: {number}" in errors(refused).replace("%(value)s", str(number))
            form = fields(refused)
        assert record(ENGRAM, key)["content"] == 3

    def test_a_row_that_is_gone_is_a_message(self) -> None:
        key = insert_engram()
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        agents.run("DELETE FROM engrams WHERE id = %s", [key])
        answer = ann.post(address, form, follow=True)
        assert "This engram is gone. Its trail is still here." in answer.content.decode()


@in_databases
class TestServices:
    def test_a_field_that_was_left_alone_follows_the_service(self) -> None:
        key = insert_engram(priority=1, summary="one", is_public=False)
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        agents.run("UPDATE engrams SET priority = 9, is_public = true WHERE id = %s", [key])
        refused = save(ann, address, form, summary="mine")
        assert "by a service or with SQL, at 2" in errors(refused)
        shown = fields(refused)
        assert (shown["priority"], shown["summary"], shown["is_public"]) == ("9", "mine", "on")
        saved(save(ann, address, shown), ENGRAM)
        row = record(ENGRAM, key)
        assert (row["priority"], row["is_public"], row["summary"]) == (9, True, "mine")

    @pytest.mark.parametrize("assignment", ["accessed_at = now() + interval '1 day'", "priority = priority"])
    def test_marking_it_as_read_is_no_change(self, assignment: str) -> None:
        key = insert_engram()
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        agents.run(f"UPDATE engrams SET {assignment} WHERE id = %s", [key])
        saved(save(ann, address, form, summary="mine"), ENGRAM)

    @pytest.mark.parametrize(
        ("label", "column", "by_service", "typed"),
        [
            ("erebus_app.UserReference", "source_identifier", "by-service", "mine"),
            ("erebus_app.Wallet", "verified_at", timezone.now() + timedelta(days=9), None),
            ("erebus_app.Review", "rating", 1, "5"),
            ("erebus_app.Listing", "metadata", '{"by": "service"}', '{"by": "me"}'),
            ("erebus_app.Purchase", "price_paid_lamports", 7, "9"),
            ("agents_app.Agent", "name", "by-service", "mine"),
        ],
    )
    def test_every_form_is_guarded(self, label: str, column: str, by_service: Any, typed: str | None) -> None:
        key, ann = insert_row(label), editor("ann")
        address = page(label, "change", key)
        form = fields(ann.get(address))
        rows = erebus_rows.execute if label.startswith("erebus_app") else agents.run
        table = adminpages.MODELS[label]._meta.db_table
        update = f"UPDATE {table} SET {column} = %s WHERE id = %s"
        rows(update, by_service, key) if label.startswith("erebus_app") else agents.run(update, [by_service, key])
        before = record(label, key)
        refused = save(ann, address, form, **({column: typed} if typed else {}))
        assert "changed while you were editing" in errors(refused)
        assert record(label, key) == before
        saved(save(ann, address, fields(refused)), label)
        after = record(label, key)
        assert (after[column] == before[column]) is (typed is None)


@in_databases
class TestForms:
    @pytest.mark.parametrize(
        "sent", [None, "", "x", "[]", "[1]", "[1, 2]", "[1e99, {}]", '["x", {}]', "[" * 5000, "\x00", "[NaN, {}]"]
    )
    def test_one_that_does_not_say_what_it_was_made_from_is_refused(self, sent: str | None) -> None:
        key = insert_engram(summary="one")
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = fields(ann.get(address))
        form.pop("row_as_shown")
        given = {} if sent is None else {"row_as_shown": sent}
        refused = save(ann, address, form, summary="mine", **given)
        assert "Open the page again" in errors(refused)
        assert record(ENGRAM, key)["summary"] == "one"

    @pytest.mark.parametrize("summary", ["two\nlines", "two\r\nlines", " blanks around ", "\n"])
    def test_how_a_browser_writes_a_value_is_no_change_of_it(self, summary: str) -> None:
        key = insert_engram(
            content='{"b": [1.50, 1e3, "\\u2028 é", null], "a": {"": "x\\r\\ny"}}',
            summary=summary,
            price_mon="1.50000000",
            tags=["a, b", 'c"d'],
        )
        address, ann = page(ENGRAM, "change", key), editor("ann")
        form = {name: re.sub(r"\r?\n", "\r\n", value) for name, value in fields(ann.get(address)).items()}
        saved(save(ann, address, form, priority="4"), ENGRAM)
        row = record(ENGRAM, key)
        assert (row["version"], row["summary"], row["priority"]) == (1, summary, 4)

    def test_a_new_row_has_nothing_to_compare(self) -> None:
        assert "row_as_shown" not in fields(editor("ann").get(page(ENGRAM, "add")))

    def test_who_may_only_look_neither_gets_nor_locks_anything(self) -> None:
        key = insert_engram()
        viewer = adminpages.viewer()
        assert "row_as_shown" not in viewer.get(page(ENGRAM, "change", key)).content.decode()
        assert viewer.post(page(ENGRAM, "change", key), {}).status_code == 403


@pytest.mark.usefixtures("committed_pair")
def test_the_comparison_waits_for_who_is_writing() -> None:
    key = insert_engram(summary="one")
    address, ann = page(ENGRAM, "change", key), editor("ann")
    form = fields(ann.get(address))
    settings = connections["agents"].settings_dict
    parameters = {"host": settings["HOST"], "port": settings["PORT"], "dbname": settings["NAME"]}

    def post() -> HttpResponse:
        try:
            return save(ann, address, form, summary="mine")
        finally:
            connections.close_all()

    with (
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(**parameters, user=settings["USER"], password=settings["PASSWORD"]) as service,
    ):
        service.execute("UPDATE engrams SET summary = 'two' WHERE id = %s", [key])
        answer = threads.submit(post)
        deadline = time.monotonic() + 20
        waits = "SELECT count(*) FROM pg_stat_activity WHERE %s::int = ANY (pg_blocking_pids(pid))"
        while not agents.value(waits, [service.info.backend_pid]):
            assert not answer.done(), "did not wait for the service"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        service.commit()
        assert "Summary changed while you were editing" in errors(answer.result(20))
    assert record(ENGRAM, key)["summary"] == "two"


@pytest.mark.usefixtures("committed_pair")
class TestARowThatSomebodyKeepsLocked:
    @pytest.fixture
    def key(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        monkeypatch.setattr("nullstore.locks.PATIENCE", "100ms")
        key = insert_engram(summary="one")
        with connect("agents") as service:
            service.execute("BEGIN")
            service.execute("UPDATE engrams SET accessed_at = now() WHERE id = %s", [key])
            yield key
            service.execute("ROLLBACK")

    def test_is_not_waited_for_and_what_was_typed_stays(self, key: Any) -> None:
        ann = editor("ann")
        answer = submit(ann, page(ENGRAM, "change", key), summary="mine")
        assert "Nothing was changed: try again" in errors(answer)
        assert fields(answer)["summary"] == "mine"
        assert record(ENGRAM, key)["summary"] == "one"

    def test_is_named_by_an_action(self, key: Any) -> None:
        ann = editor("ann")
        address = page(ENGRAM, "change", key).replace("/change/", "/do/publish/")
        [message] = ann.post(address, {"reason": ""}, follow=True).context["messages"]
        assert "Nothing was changed: try again" in str(message)
        assert record(ENGRAM, key)["is_public"] is False
