"""Buttons of the console, pressed on one row and on many, and what is said and logged; and somebody who is faster."""

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from nullstore.exceptions import ActionRefused
from nullstore.groups import OPERATOR
from nullstore.replication.connect import connect
from tests.integration.adminpages import page

DEADLINE = 10.0


def operator() -> Client:
    """A member of the group of operators."""
    call_command("ensure_groups", stdout=io.StringIO())
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name=OPERATOR))
    client = Client()
    client.force_login(user)
    return client


def address(label: str, key: Any, action: str) -> str:
    return page(label, "change", key).replace("/change/", f"/do/{action}/")


def press(client: Client, label: str, key: Any, action: str, **data: Any) -> Any:
    """Answer the question of the action on one row; return the page that follows."""
    return client.post(address(label, key, action), data, follow=True)


def press_many(client: Client, label: str, keys: list[Any], action: str, query: str = "", **data: Any) -> Any:
    """Choose the action in the list for these rows and answer its question."""
    posted = {"action": action, "_selected_action": keys, "confirmed": "yes", **data}
    return client.post(page(label, "changelist") + query, posted, follow=True)


def said(response: Any) -> str:
    """The messages on top of the page, one after the other."""
    return " ".join(str(message) for message in response.context["messages"])


def buttons(response: Any) -> set[str]:
    """What the page of a row offers to do."""
    return {action["label"] for action in response.context.get("row_actions", [])}


def log_texts(key: Any) -> list[str]:
    """What the admin's log says about the row, the oldest first."""
    return [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=str(key)).order_by("pk")]


def content(response: HttpResponse) -> str:
    """The part of the page below the frame."""
    assert response.status_code == 200, response.headers
    return " ".join(response.content.decode().partition('<div id="content"')[2].split())


def section(response: HttpResponse, name: str) -> str:
    """One section of a row's page."""
    return content(response).partition(f'<section class="ns-section" id="{name}"')[2].partition("</section>")[0]


def refused_by_a_faster_one(statement: str, params: list[Any], act: Callable[[], Any]) -> str:
    """Have another session execute `statement`, do `act`, which has to wait for it, and commit; return the refusal."""

    def acting() -> str:
        try:
            act()
        except ActionRefused as error:
            return str(error)
        finally:
            connections["erebus"].close()
        raise AssertionError("It was not refused.")

    with connect("erebus") as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN")
        other.execute(statement, params)
        done = pool.submit(acting)
        try:
            _wait_for_a_waiting_one(other)
        finally:
            other.execute("COMMIT")
        return done.result(DEADLINE)


def _wait_for_a_waiting_one(other: Any) -> None:
    """Wait until somebody waits for the session."""
    deadline = time.monotonic() + DEADLINE
    # Not pg_stat_activity, of which a transaction sees the same all the time.
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    while other.execute(waiting).fetchone() != (True,):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)
