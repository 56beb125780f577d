"""JSON in the forms: broken, emptied, null, and what must not change on the way."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

from agents_app.models import Task
from tests.integration.adminpages import (
    agents,
    errors,
    fields,
    insert_engram,
    insert_row,
    insert_task,
    page,
    record,
    saved,
    submit,
)

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

DOCUMENTS = [
    ("erebus_app.UserReference", "metadata", {}),
    ("erebus_app.Listing", "metadata", {}),
    ("erebus_app.Deployment", "config", {}),
    ("agents_app.Task", "required_capabilities", []),
    ("agents_app.Task", "parameters", {}),
    ("agents_app.Agent", "capabilities", []),
]


@pytest.mark.parametrize(("label", "column", "default"), DOCUMENTS)
@pytest.mark.parametrize("emptied", ["", "  \n "])
def test_an_emptied_one_gets_its_default(label: str, column: str, default: Any, emptied: str, client: Client) -> None:
    key = insert_row(label)
    saved(submit(client, page(label, "change", key), **{column: '{"a": [1]}'}), label)
    assert record(label, key)[column] == {"a": [1]}
    saved(submit(client, page(label, "change", key), **{column: emptied}), label)
    assert record(label, key)[column] == default


@pytest.mark.parametrize(("label", "column", "default"), DOCUMENTS)
def test_json_null_is_refused(label: str, column: str, default: Any, client: Client) -> None:
    response = submit(client, page(label, "change", insert_row(label)), **{column: " null "})
    assert "JSON null cannot be stored here" in errors(response)


@pytest.mark.parametrize("typed", ["", "null"])
def test_one_that_may_be_missing_becomes_null(typed: str) -> None:
    task_admin = admin.site.get_model_admin(Task)
    field = task_admin.formfield_for_dbfield(Task._meta.get_field("outcome"), RequestFactory().get("/"))
    assert field.clean(typed) is None


def test_one_without_a_default_is_required(client: Client) -> None:
    address = page("agents_app.Engram", "change", insert_engram())
    assert "required" in errors(submit(client, address, content=""))
    saved(submit(client, address, content="{}"), "agents_app.Engram")


@pytest.mark.parametrize(
    "typed",
    [
        "{",
        "{'a': 1}",
        "NaN",
        "[1e999]",
        "[-Infinity]",
        '["\\ud800"]',
        '["\\u0000"]',
        "[" * 100_000,
        "[1e400]",
        "[1e-400]",
        "[1e-99999999999999999999]",
        "[1234567.123456789012345678]",
        "1" * 5000,
        "\x00",
        "[1] [2]",
    ],
    ids=lambda typed: repr(typed[:12]),
)
def test_a_broken_one_is_an_error_on_the_form_which_keeps_what_was_typed(typed: str, client: Client) -> None:
    key = insert_task()
    response = submit(client, page("agents_app.Task", "change", key), required_capabilities=typed, name="renamed")
    # Only the database knows that it cannot hold \u0000.
    assert errors(response).startswith("{'__all__': " if "u0000" in typed else "{'required_capabilities': ")
    assert fields(response)["required_capabilities"] == typed
    assert fields(response)["name"] == "renamed"
    assert record("agents_app.Task", key)["name"] != "renamed"


def test_a_number_that_cannot_be_kept_is_named_with_what_to_do(client: Client) -> None:
    response = submit(
        client, page("agents_app.Task", "change", insert_task()), metadata='{"n": 0.12345678901234567890}'
    )
    assert "0.12345678901234567890 has more digits" in errors(response)
    assert "Write it as a text, in quotes." in errors(response)


def test_it_is_shown_indented_and_as_it_is(client: Client) -> None:
    key = insert_task(metadata=json.dumps({"b": ["é", 1], "a": "<b>"}))
    shown = fields(client.get(page("agents_app.Task", "change", key)))["metadata"].replace("\r\n", "\n")
    assert shown == json.dumps({"a": "<b>", "b": ["é", 1]}, indent=2, ensure_ascii=False)


def test_it_is_sent_once(client: Client) -> None:
    for address in (page("agents_app.Task", "add"), page("agents_app.Task", "change", insert_task())):
        assert "initial-metadata" not in client.get(address).content.decode()


@pytest.mark.parametrize(
    "number", ["0.1", "1.10", "-0.0", "1e22", "12345678901234567890", "0.30000000000000004", "5e-324", "2.5E+3"]
)
def test_a_number_survives_a_change_beside_it(number: str, client: Client) -> None:
    key = insert_task(metadata=f'{{"n": {number}, "a": 1}}')
    address = page("agents_app.Task", "change", key)
    typed = fields(client.get(address))["metadata"].replace('"a": 1', '"a": 2')
    saved(submit(client, address, metadata=typed), "agents_app.Task")
    [(same, a)] = agents.rows(
        "SELECT (metadata ->> 'n')::numeric = %s::numeric, metadata ->> 'a' FROM tasks WHERE id = %s", [number, key]
    )
    assert (same, a) == (True, "2")


@pytest.mark.parametrize("number", ["0.1234567890123456789012345", "1234567.123456789012345678", "-1e-400"])
def test_one_that_would_not_survive_keeps_its_row_from_being_edited(number: str, client: Client) -> None:
    key = insert_task(metadata=f'{{"n": {number}, "a": 1}}')
    before = agents.value("SELECT metadata::text FROM tasks WHERE id = %s", [key])
    address = page("agents_app.Task", "change", key)
    assert 'name="_save"' not in client.get(address).content.decode()
    assert client.post(address, {"name": "x", "metadata": '{"n": 1}'}).status_code == 403
    assert agents.value("SELECT metadata::text FROM tasks WHERE id = %s", [key]) == before


@pytest.mark.parametrize("source_type", ['{"type": "oauth"}', "[]", '"web3_wallet"'])
def test_a_rule_of_the_database_is_an_error_on_the_form(source_type: str, client: Client) -> None:
    key = insert_row("erebus_app.UserReference")
    response = submit(client, page("erebus_app.UserReference", "change", key), source_type=source_type)
    assert "must be a JSON object" in errors(response)
