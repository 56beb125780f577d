"""Addresses that nobody was offered: answered, never with an error page."""

from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from tests.integration import adminpages
from tests.integration.adminpages import MODELS, READ_ONLY, insert_row, page

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TABLES = sorted(MODELS)
NO_IDS = ["garbage", "\x00", "00000000-0000-4000-8000-000000000000", "9" * 40]
WILD = ["id__exact=garbage", "id__exact=%00", "no_such_column=1", "o=99.-99.x&p=99999", "p=-1&all="]


@pytest.mark.parametrize("label", TABLES)
def test_an_id_that_is_none_leads_to_the_front_page_with_a_message(label: str, client: Client) -> None:
    for key in NO_IDS:
        for name in ("change", "history", *(() if label in READ_ONLY else ("delete",))):
            response = client.get(page(label, name, key))
            assert (response.status_code, response.headers.get("Location")) == (302, "/admin/"), (name, key)
            *_, message = get_messages(response.wsgi_request)
            assert "exist. Perhaps it was deleted?" in str(message)


@pytest.mark.parametrize("label", TABLES)
def test_searches_for_anything_are_answered(label: str, client: Client) -> None:
    insert_row(label)
    for words in ("\x00", "%'\"\\ é", "x" * 5_000, "9" * 40):
        assert client.get(page(label, "changelist"), {"q": words}).status_code == 200


@pytest.mark.parametrize("label", TABLES)
def test_wild_parameters_are_answered(label: str, client: Client) -> None:
    insert_row(label)
    for query in WILD:
        assert client.get(f"{page(label, 'changelist')}?{query}").status_code == 200, query


@pytest.mark.parametrize(
    ("label", "column"),
    [
        ("erebus_app.UserReference", "user_type"),
        ("erebus_app.Listing", "status"),
        ("erebus_app.SecretAccessLog", "action"),
        ("agents_app.UserReference", "user_type"),
        ("agents_app.Task", "status"),
        ("agents_app.Engram", "engram_type"),
    ],
)
def test_a_filter_that_no_text_can_equal_leaves_nothing_and_says_so(label: str, column: str, client: Client) -> None:
    insert_row(label)
    response = client.get(f"{page(label, 'changelist')}?{column}__exact=%00")
    assert response.status_code == 200
    changes = response.context["cl"]
    assert (list(changes.result_list), changes.result_count) == ([], 0)
    assert len(changes.notices) == 1
    assert changes.notices[0] in unescape(response.content.decode())


@pytest.mark.parametrize("term", ["", "ada", "\x00", "00000000-0000-4000-8000-000000000000"])
def test_the_lookup_of_another_tables_rows_is_answered(term: str, client: Client) -> None:
    key = insert_row("agents_app.Agent")
    query = {"app_label": "agents_app", "model_name": "task", "field_name": "assigned_agent"}
    answer = client.get("/admin/autocomplete/", {**query, "term": term})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()["results"]] == ([str(key)] if term == "" else [])


def test_the_lookup_finds_an_agent_by_name(client: Client) -> None:
    key = adminpages.insert_agent(name="hecate")
    adminpages.insert_agent()
    query = {"app_label": "agents_app", "model_name": "task", "field_name": "assigned_agent", "term": "Heca"}
    assert [each["id"] for each in client.get("/admin/autocomplete/", query).json()["results"]] == [str(key)]
