"""Every page of every table, as each kind of person sees it."""

import re
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.db.models import CharField, TextField, UUIDField
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.adminpages import APPS, DELETABLE, EDITABLE, MODELS, insert_row, page, record, superuser, viewer

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TABLES = sorted(MODELS)
WATCHERS = {"superuser": superuser, "viewer": viewer}


@pytest.fixture(params=WATCHERS)
def client(request: pytest.FixtureRequest) -> Client:
    return WATCHERS[request.param]()


def test_every_table_of_both_apps_is_registered() -> None:
    assert set(MODELS) == {model._meta.label for app in APPS for model in apps.get_app_config(app).get_models()}


@pytest.mark.parametrize("label", TABLES)
def test_the_pages_of_a_row_open(label: str, client: Client) -> None:
    key = insert_row(label)
    assert client.get(page(label, "changelist")).context["cl"].result_count >= 1
    shown, told = client.get(page(label, "change", key)), told_by(label, key)
    # Below its name and the link to its history: the form and the sections around it.
    page_of_row = re.split(r'<section class="ns-section"|id="\w+_form"', unescape(shown.content.decode()), maxsplit=1)[
        1
    ]
    assert told
    # In lower case, for where a state is told by its label.
    assert {name: text for name, text in told.items() if text.lower() not in page_of_row.lower()} == {}
    assert client.get(page(label, "history", key)).status_code == 200


def told_by(label: str, key: Any) -> dict[str, str]:
    """What the page of the row is to tell of it, by column: its key is there even if nothing else is."""
    row = record(label, key)
    fields = [field for field in MODELS[label]._meta.concrete_fields if not field.primary_key]
    texts = [field for field in fields if isinstance(field, CharField | TextField | UUIDField)]
    told = {field.name: row[field.column] for field in texts if row[field.column]}
    return told | {name: told[name][:8] for name in told.keys() & {"token_hash"}}


def test_the_front_page_links_to_every_list(client: Client) -> None:
    content = client.get("/admin/").content.decode()
    assert [label for label in TABLES if page(label, "changelist") not in content] == []


def test_every_page_says_which_installation_it_shows(client: Client) -> None:
    for address in ("/admin/", page("agents_app.Task", "changelist"), page("erebus_app.Wallet", "changelist")):
        assert "nullstore · test" in client.get(address).content.decode()


@pytest.mark.parametrize("label", TABLES)
def test_a_search_finds_the_row_of_an_id_and_nothing_for_other_words(label: str) -> None:
    client, key = superuser(), insert_row(label)
    insert_row(label)
    response = client.get(page(label, "changelist"), {"q": f" {key} "})
    assert response.status_code == 200
    if MODELS[label]._meta.pk.get_internal_type() == "UUIDField":
        assert [row.pk for row in response.context["cl"].result_list] == [key]
    assert client.get(page(label, "changelist"), {"q": "no such thing"}).context["cl"].result_count == 0


@pytest.mark.parametrize(
    ("label", "column"),
    [
        ("erebus_app.Wallet", "user_id"),
        ("erebus_app.AuthSession", "user_id"),
        ("erebus_app.SecretAccessLog", "api_key_id"),
        ("erebus_app.Purchase", "listing_id"),
        ("agents_app.Task", "context_id"),
        ("agents_app.Task", "user_id"),
        ("agents_app.TaskTransition", "task_id"),
        ("agents_app.EngramHistory", "engram_id"),
    ],
)
def test_a_row_is_found_by_the_id_of_what_it_belongs_to(label: str, column: str) -> None:
    key = insert_row(label)
    response = superuser().get(page(label, "changelist"), {"q": record(label, key)[column]})
    assert [row.pk for row in response.context["cl"].result_list] == [key]


@pytest.mark.parametrize("label", TABLES)
def test_every_filter_and_sort_can_be_used(label: str) -> None:
    client = superuser()
    insert_row(label)
    changes = client.get(page(label, "changelist")).context["cl"]
    choices = [choice["query_string"] for spec in changes.filter_specs for choice in spec.choices(changes)]
    every_column = ".".join(f"-{number}" for number in range(1, len(changes.list_display)))
    for query in {*choices, f"?o={every_column}"}:
        answer = client.get(page(label, "changelist") + query)
        assert (answer.status_code, answer.context["cl"].notices) == (200, []), query


@pytest.mark.parametrize("label", sorted(EDITABLE))
def test_the_add_page_opens_for_those_who_may(label: str) -> None:
    assert "DatabaseDefault" not in superuser().get(page(label, "add")).content.decode()


@pytest.mark.parametrize("label", sorted(DELETABLE))
def test_the_delete_page_opens_for_those_who_may(label: str) -> None:
    client = superuser()
    response = client.get(page(label, "delete", insert_row(label)))
    assert "Are you sure" in response.content.decode()


@pytest.mark.parametrize("label", TABLES)
def test_a_viewer_can_change_nothing(label: str) -> None:
    client, key = viewer(), insert_row(label)
    assert client.get(page(label, "add")).status_code == 403
    assert client.get(page(label, "delete", key)).status_code == 403
    for address in (page(label, "add"), page(label, "change", key), page(label, "delete", key)):
        assert client.post(address, {"post": "yes"}).status_code == 403, address
    assert client.get(page(label, "changelist")).context["action_form"] is None


@pytest.mark.parametrize("label", TABLES)
def test_a_viewer_sees_no_field_to_write_into(label: str) -> None:
    response = viewer().get(page(label, "change", insert_row(label)))
    content = response.content.decode().partition('<div id="content-main">')[2]
    assert "<textarea" not in content
    assert 'name="_save"' not in content
    assert "new_secret" not in content


@pytest.mark.parametrize("label", TABLES)
def test_anonymous_is_sent_to_the_login(label: str) -> None:
    key = insert_row(label)
    for name in ("changelist", "add", "change", "delete", "history"):
        address = page(label, name, *([key] if name in ("change", "delete", "history") else []))
        for answer in (Client().get(address), Client().post(address)):
            assert answer.status_code == 302, address
            assert answer.headers["Location"].startswith("/admin/login/?next="), address


def queries_of(client: Client, address: str) -> dict[str, int]:
    with CaptureQueriesContext(connections["erebus"]) as erebus, CaptureQueriesContext(connections["agents"]) as agents:
        assert client.get(address).status_code == 200
    return {"erebus": len(erebus), "agents": len(agents)}


@pytest.mark.parametrize("label", TABLES)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(label: str) -> None:
    client = superuser()
    for _ in range(2):
        insert_row(label)
    client.get(page(label, "changelist"))
    few = queries_of(client, page(label, "changelist"))
    for _ in range(10):
        insert_row(label)
    assert queries_of(client, page(label, "changelist")) == few


@pytest.mark.parametrize("label", TABLES)
def test_a_list_reads_no_document_and_no_ciphertext(label: str) -> None:
    client = superuser()
    insert_row(label)
    alias = "erebus" if label.startswith("erebus_app") else "agents"
    with CaptureQueriesContext(connections[alias]) as captured:
        client.get(page(label, "changelist"))
    table = MODELS[label]._meta.db_table
    [rows] = [query["sql"] for query in captured if f'FROM "{table}"' in query["sql"] and "COUNT(" not in query["sql"]]
    for heavy in ("metadata", "preferences", "content", "history", "artifacts", "secret", "search_vector", "detail"):
        assert f'"{heavy}"' not in rows
