"""What PostgreSQL holds and Python cannot: no page fails over it, and none says that the row is gone."""

import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final

import pytest
from django.contrib import admin
from django.db import DatabaseError, connections, models, transaction
from django.test import Client

from agents_app.models import Engram, Task
from nullstore.databases import HOMES
from tests.integration import adminpages
from tests.integration.adminpages import agents, insert_engram, insert_task, page, record
from tests.integration.erebus_rows import insert
from tests.integration.walking import Address, Rows, addresses, undone

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

DEEP: Final = "[" * 3000 + "]" * 3000
NUMBER: Final = "1" * 6000
#: A float has room for the first half of its digits.
LONG: Final = "1234567.123456789012345678"
SMALL: Final = f"0.{400 * '0'}1"
LATE: Final = ("infinity", "10001-01-01 00:00:00+00")
EARLY: Final = ("-infinity", "0044-03-15 12:00:00+00 BC")
#: The documents and moments that the columns of a row get in turn: a page that fails over any of them fails.
UNREADABLE: Final = {"late": ((DEEP, NUMBER), LATE), "early": ((NUMBER, DEEP), EARLY)}
#: Their triggers fire for replication too.
APPEND_ONLY: Final = ("secret_access_log", "ops_actions", "engram_history")
ANSWERS: Final = {"reason": "r", "version": "1", "wallet": "0xnew", "key": "a.new.key", "priority": "high"}


@pytest.fixture(params=UNREADABLE)
def rows(request: pytest.FixtureRequest) -> Rows:
    """A row of every table, with such a value in every column that takes it."""
    found = Rows.insert()
    documents, moments = UNREADABLE[request.param]
    for model in found.keys:
        if model._meta.app_label in adminpages.APPS:
            spoil(model, documents, moments)
    return found


def spoil(model: type[models.Model], documents: tuple[str, ...], moments: tuple[str, ...]) -> None:
    """Write them into all rows of the table, past its triggers, but not past its constraints."""
    # Users must have an object with these keys.
    objects = [f'{{"type": "oauth", "provider": "x", "d": {document}}}' for document in documents]
    columns: list[models.Field] = [each for each in model._meta.concrete_fields if isinstance(each, models.JSONField)]
    times = [each for each in model._meta.concrete_fields if isinstance(each, models.DateTimeField)]
    alias, table = HOMES[model._meta.app_label], model._meta.db_table
    with connections[alias].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        if table in APPEND_ONLY:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        taken = sum(
            accepted(alias, table, field.column, value)
            for fields, values in ((columns, objects), (times, moments))
            for field, value in zip(fields, cycle(values), strict=False)
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert taken or not (columns or times), table


def accepted(alias: str, table: str, column: str, value: str) -> bool:
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = %s", [value])
    except DatabaseError:
        return False
    return True


def pages(rows: Rows) -> Iterator[Address]:
    for address in addresses(rows):
        of_apps = address.model is not None and address.model._meta.app_label in adminpages.APPS
        if (of_apps and address.kind != "old") or address.name in ("index", "autocomplete"):
            yield address


def test_every_page_of_every_table_opens(rows: Rows) -> None:
    client = adminpages.superuser()
    for address in pages(rows):
        response = client.get(address.path)
        if address.kind in ("change", "history"):
            assert response.status_code == 200, (address.path, response.headers)
        assert "was deleted" not in said(response), address.path
        if address.kind == "changelist":
            changes = response.context["cl"]
            assert (changes.notices, address.key in [row.pk for row in changes.result_list]) == ([], True), address


def test_every_action_can_be_done_or_says_why_not(rows: Rows) -> None:
    client = adminpages.superuser()
    answers = {**ANSWERS, "agent": rows.keys[MODELS["agents_app.Agent"]]}
    for label, model in MODELS.items():
        key = rows.keys[model]
        for action in getattr(admin.site.get_model_admin(model), "row_actions", ()):
            address = page(label, action.name, key)
            for path, data in {
                address: answers,
                page(label, "changelist"): {**answers, **chosen(action.name, key), "confirmed": "yes"},
            }.items():
                with undone():
                    assert "was deleted" not in said(client.post(path, data)), (path, action)


@pytest.mark.parametrize("kind", ["delete", "delete_selected"])
def test_every_row_that_may_be_deleted_can_be(kind: str, rows: Rows) -> None:
    client = adminpages.superuser()
    for label in adminpages.DELETABLE:
        key = rows.keys[MODELS[label]]
        with undone():
            if kind == "delete":
                client.post(page(label, "delete", key), {"post": "yes"})
            else:
                client.post(page(label, "changelist"), {**chosen(kind, key), "post": "yes"})
            assert not MODELS[label]._base_manager.filter(pk=key).exists(), label


def test_choices_of_related_rows_open(rows: Rows) -> None:
    client = adminpages.superuser()
    for label, model in MODELS.items():
        for name in admin.site.get_model_admin(model).autocomplete_fields:
            meta = model._meta
            query: dict[str, Any] = {
                "app_label": meta.app_label,
                "model_name": meta.model_name,
                "field_name": name,
                "term": "",
            }
            response = client.get("/admin/autocomplete/", query)
            assert response.json()["results"], label


MODELS: Final = adminpages.MODELS


def chosen(action: str, key: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(key)], "select_across": "0", "index": "0"}


def said(response: Any) -> str:
    messages = response.wsgi_request._messages
    return " ".join(str(message) for message in messages)


def text(response: Any) -> str:
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode()).split())


class TestADocumentThatCannotBeRead:
    @pytest.fixture
    def client(self) -> Client:
        return adminpages.superuser()

    @pytest.mark.parametrize(
        ("document", "why"), [(DEEP, "Nested too deeply"), (NUMBER, "number"), (LONG, "number"), (SMALL, "number")]
    )
    def test_the_page_says_why_and_has_no_form(self, document: str, why: str, client: Client) -> None:
        key = insert_task(metadata=f'{{"d": {document}}}')
        address = page("agents_app.Task", "change", key)
        response = client.get(address)
        assert why in text(response)
        assert document[:50] in text(response)
        assert 'name="_save"' not in response.content.decode()
        assert client.post(address, {"name": "x"}).status_code == 403

    def test_what_does_not_touch_it_can_be_done_from_the_page(self, client: Client) -> None:
        key = insert_task(metadata=f'{{"d": {DEEP}}}', status="working")
        address = page("agents_app.Task", "cancel", key)
        assert address in client.get(page("agents_app.Task", "change", key)).content.decode()
        assert client.get(address).status_code == 200
        client.post(address, {"reason": "stuck"})
        assert record_of_status(key) == "canceled"

    def test_one_that_the_form_does_not_have_leaves_it_alone(self, client: Client) -> None:
        key = insert_task(history=f"[{DEEP}]")
        adminpages.saved(
            adminpages.submit(client, page("agents_app.Task", "change", key), name="renamed"), "agents_app.Task"
        )

    def test_it_is_not_written_back(self) -> None:
        key = insert_task(metadata=f'{{"d": {DEEP}}}')
        task = Task.objects.get(pk=key)
        with pytest.raises(ValueError, match="metadata"):
            task.save()

    def test_two_that_begin_alike_are_compared_whole(self, client: Client) -> None:
        long = "[" * 2500 + "{}" + "]" * 2500
        user = insert("user_references", metadata=f'{{"d": {long}}}'.replace("{}", "1"))["id"]
        adminpages.insert_replica(id=user, metadata=f'{{"d": {long}}}'.replace("{}", "2"))
        shown = text(client.get(page("erebus_app.UserReference", "change", user)))
        assert "metadata" in re.split("different", shown, flags=re.I)[1][:3000]


def record_of_status(key: Any) -> str:
    return str(agents.value("SELECT status FROM tasks WHERE id = %s", [key]))


class TestAMomentThatCannotBeRead:
    @pytest.fixture
    def client(self) -> Client:
        return adminpages.superuser()

    @pytest.mark.parametrize("moment", [*LATE, *EARLY])
    def test_every_page_of_the_list_is_reached_once(self, moment: str, client: Client) -> None:
        keys = {insert_task() for _ in range(5)}
        for place, key in enumerate(sorted(keys)):
            at = moment if place != 2 else "2026-01-01"
            agents.run("UPDATE tasks SET created_at = %s WHERE id = %s", [at, key])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(admin.site.get_model_admin(Task), "list_per_page", 2)
            seen, query = [], ""
            for _ in range(3):
                changes = client.get(page("agents_app.Task", "changelist") + query).context["cl"]
                seen += [row.pk for row in changes.result_list]
                query = dict(changes.page_links)["Next"] or ""
        assert (len(seen), set(seen), query) == (5, keys, "")

    @pytest.mark.parametrize("moment", ["infinity", "-infinity"])
    def test_a_form_that_shows_one_leaves_it_alone(self, moment: str, client: Client) -> None:
        label = "erebus_app.Wallet"
        key = insert("wallets", verified_at=moment)["id"]
        adminpages.saved(adminpages.submit(client, page(label, "change", key), label="renamed"), label)
        row = record(label, key)
        assert (row["label"], row["verified_at"]) == ("renamed", moment)

    def test_it_is_written_back_as_it_was(self) -> None:
        key = insert_task(completed_at="-infinity", started_at="0044-03-15 12:00:00+00 BC")
        task = Task.objects.get(pk=key)
        Task.objects.filter(pk=key).update(completed_at=task.completed_at, started_at=task.started_at)
        assert agents.value("SELECT completed_at::text FROM tasks WHERE id = %s", [key]) == "-infinity"
        assert "0044-03-15" in agents.value("SELECT started_at::text FROM tasks WHERE id = %s", [key])

    def test_pages_name_it(self, client: Client) -> None:
        key = insert_task(status_timestamp="-infinity", started_at="infinity", status="submitted")
        shown = text(client.get(page("agents_app.Task", "change", key)))
        assert "since -infinity" in shown
        assert "Started infinity" in shown

    @pytest.mark.parametrize("created_at", ["9999-12-31 12:00:00+00", "infinity", "-infinity", "294276-12-31"])
    @pytest.mark.parametrize("query", ["", "?expired=yes", "?expired=later"])
    def test_an_engram_that_expires_after_the_end_of_time_is_listed(
        self, query: str, created_at: str, client: Client
    ) -> None:
        insert_engram(created_at=created_at, ttl_seconds=2**31 - 1)
        insert_engram(created_at="2020-01-01", ttl_seconds=1)
        insert_engram(ttl_seconds=3600)
        changes = client.get(page("agents_app.Engram", "changelist") + query).context["cl"]
        assert changes.notices == []
        expected = {"": 3, "?expired=yes": 1, "?expired=later": 2}[query]
        if created_at == "-infinity" and query:
            expected += 1 if query == "?expired=yes" else -1
        assert changes.result_count == expected
        assert Engram.objects.count() == 3
