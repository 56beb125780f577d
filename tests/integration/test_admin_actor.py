"""Who changed a row, and why, as the database's own trail has it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.test import Client, RequestFactory
from pytest_django import Settings

from nullstore.actor import Actor, set_actor
from nullstore.admin.actor import actor_of
from tests.integration.adminpages import agents, insert_engram, insert_task, log_of, page, record, saved, submit

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

ENGRAM, TASK = "agents_app.Engram", "agents_app.Task"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("grace"))
    return client


def history(key: Any) -> list[tuple[Any, ...]]:
    return agents.rows(
        "SELECT version, content, changed_by, change_reason FROM engram_history WHERE engram_id = %s ORDER BY version",
        [key],
    )


def transitions(key: Any) -> list[tuple[Any, ...]]:
    return agents.rows(
        "SELECT from_status, to_status, changed_by FROM task_transitions WHERE task_id = %s ORDER BY id", [key]
    )


@in_databases
@pytest.mark.parametrize(("reason", "kept"), [("it was wrong", "it was wrong"), ("", None)])
def test_an_edited_engram_keeps_the_old_version_with_who_and_why(reason: str, kept: str | None, client: Client) -> None:
    key = insert_engram(content='{"a": 1}')
    saved(submit(client, page(ENGRAM, "change", key), content='{"a": 2}', reason=reason), ENGRAM)
    assert history(key) == [(1, '{"a": 1}', "grace", kept)]
    assert record(ENGRAM, key)["version"] == 2
    assert log_of(key) == [2]


@in_databases
def test_a_reason_alone_makes_no_version(client: Client) -> None:
    key = insert_engram()
    saved(submit(client, page(ENGRAM, "change", key), reason="just so"), ENGRAM)
    assert history(key) == []


@in_databases
def test_a_reason_too_long_for_the_trail_is_an_error_on_the_form(client: Client) -> None:
    response = submit(client, page(ENGRAM, "change", insert_engram()), reason="x" * 256)
    assert "at most 255" in str(response.context["adminform"].form.errors)


@in_databases
@pytest.mark.parametrize("selected", [False, True], ids=["one", "selected"])
def test_a_deleted_engram_leaves_its_last_version_with_who(selected: bool, client: Client) -> None:
    key = insert_engram()
    if selected:
        data = {"action": "delete_selected", "_selected_action": key, "post": "yes"}
        client.post(page(ENGRAM, "changelist"), data)
    else:
        client.post(page(ENGRAM, "delete", key), {"post": "yes"})
    assert history(key) == [(1, '{"a": 1}', "grace", "deleted")]


@in_databases
def test_a_task_added_and_moved_names_who(client: Client) -> None:
    saved(submit(client, page(TASK, "add"), name="look"), TASK)
    [(key,)] = agents.rows("SELECT id FROM tasks")
    client.post(page(TASK, "change", key).replace("change/", "do/cancel/"))
    assert transitions(key) == [(None, "submitted", "grace"), ("submitted", "canceled", "grace")]


@in_databases
def test_the_name_ends_with_the_transaction(client: Client) -> None:
    with transaction.atomic(using="agents"):
        set_actor(Actor("grace", "why"), using="agents")
        transaction.set_rollback(True, using="agents")
    key = insert_task()
    assert transitions(key) == [(None, "submitted", None)]


def test_an_actor_cannot_be_set_outside_a_transaction() -> None:
    with pytest.raises(TransactionManagementError, match="no open transaction on agents"):
        set_actor(Actor("grace"), using="agents")


@pytest.mark.parametrize(
    ("header", "sent", "address"),
    [
        ("", {"X-Forwarded-For": "203.0.113.7"}, "10.0.0.1"),
        ("X-Forwarded-For", {"X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
        ("X-Forwarded-For", {"X-Forwarded-For": "1.2.3.4, 203.0.113.7"}, "203.0.113.7"),
        ("X-Real-IP", {"X-Real-IP": " 2001:db8::7 ", "X-Forwarded-For": "1.2.3.4"}, "2001:db8::7"),
        ("X-Real-IP", {"X-Forwarded-For": "1.2.3.4"}, "10.0.0.1"),
        ("X-Real-IP", {"X-Real-IP": ""}, "10.0.0.1"),
        ("X-Real-IP", {"X-Real-IP": "1.2.3.4, unknown"}, "10.0.0.1"),
        ("X-Real-IP", {"X-Real-IP": "fe80::1%eth0"}, "10.0.0.1"),
        ("X-Real-IP", {"X-Real-IP": "'; DROP TABLE tasks; --"}, "10.0.0.1"),
    ],
)
def test_the_address_behind_a_proxy_is_the_one_that_the_proxy_tells(
    header: str, sent: dict[str, str], address: str, settings: Settings
) -> None:
    settings.NULLSTORE_CLIENT_ADDRESS_HEADER = header
    request = RequestFactory(REMOTE_ADDR="10.0.0.1").get("/", headers=sent)
    request.user = User(username="grace")
    assert actor_of(request).ip_address == address


def test_without_an_address_there_is_none(settings: Settings) -> None:
    settings.NULLSTORE_CLIENT_ADDRESS_HEADER = "X-Real-IP"
    request = RequestFactory(REMOTE_ADDR="").get("/")
    request.user = User(username="grace")
    assert actor_of(request).ip_address is None
