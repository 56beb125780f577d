"""Looks at replication are shared by all who watch it, on its page and in the header of every page."""

import threading
import time
from typing import Any

import pytest
from django.test import Client

from nullstore.admin import watching
from nullstore.replication.health import Health, health
from tests.integration.adminpages import superuser
from tests.integration.looks import disable, enable
from tests.integration.replicas import AGENTS_SQL, wait_for
from tests.integration.replicationpage import codes, status, text_of, words

pytestmark = pytest.mark.usefixtures("committed_pair", "look_anew")


def slow_health(counted: list[int]) -> Any:
    def look(**options: Any) -> Any:
        counted.append(1)
        time.sleep(0.2)
        return health(**options)

    return look


def test_many_viewers_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(watching, "health", slow_health(counted))
    monkeypatch.setattr(watching, "FRESH", 5.0)
    watch, seen = watching.Watch(), []
    viewers = [threading.Thread(target=lambda: seen.append(watch.look(10))) for _ in range(20)]
    for each in viewers:
        each.start()
    for each in viewers:
        each.join()
    assert (len(seen), len(set(seen)), len(counted)) == (20, 1, 1)


def test_who_has_no_patience_gets_the_look_before(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watching.Watch()
    first = watch.look(10)
    monkeypatch.setattr(watching, "health", slow_health([]))
    assert watch.look(0.01) is first
    assert watching.Watch().look(0.01) is None
    wait_for(lambda: watch.look(1) is not first)


def test_a_look_that_is_old_says_from_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    client = superuser()
    assert status(client)["slow"] == ""
    monkeypatch.setattr(watching, "FRESH", 1000.0)
    monkeypatch.setattr(watching.Look, "age", 60.0)
    assert status(client)["slow"].startswith("The databases are slow to answer. What is shown was seen at 20")
    assert "What is shown was seen at 20" in words(client)


def test_the_page_opens_while_the_servers_have_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    client, watch = superuser(), watching.Watch()
    monkeypatch.setattr("nullstore.admin.replication.views._PAGE", 0.01)
    monkeypatch.setattr("nullstore.admin.replication.views.watch", watch)
    monkeypatch.setattr(watching, "health", slow_health([]))
    assert "The servers have not answered yet" in words(client)
    watch.forget()


def test_the_header_shows_what_the_page_has_seen() -> None:
    disable()
    try:
        words(superuser())
        look = watching.watch.glance()
    finally:
        enable()
    assert look is not None
    assert [problem.code for problem in look.health.problems] == ["subscription_disabled"]


def badge(client: Client) -> str:
    """What the header of any page says of replication."""
    shown = client.get("/admin/").content.decode().partition('id="replication-badge"')[2]
    return text_of("<" + shown.partition("</a>")[0])


def test_the_header_goes_on_to_show_what_only_the_page_searches_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = superuser()
    words(client)
    AGENTS_SQL.run("INSERT INTO tasks (name, user_id, updated_at) VALUES ('lost', gen_random_uuid(), '2020-01-01')")
    wait_for(lambda: codes(status(client)) == ["orphaned_tasks"])
    assert "replication lagging" in badge(client)
    monkeypatch.setattr(watching, "GLANCED", 0.0)
    seen = watching.watch.glance()
    wait_for(lambda: watching.watch.glance() is not seen)
    assert "replication lagging" in badge(client)
    AGENTS_SQL.run("UPDATE tasks SET user_id = NULL")
    wait_for(lambda: codes(status(client)) == [])
    assert "replication ok" in badge(client)


def test_the_header_searches_by_itself_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[bool] = []

    def look(*, count_tasks: bool) -> Health:
        counted.append(count_tasks)
        return health(count_tasks=count_tasks)

    monkeypatch.setattr(watching, "health", look)
    monkeypatch.setattr(watching, "GLANCED", 0.0)
    watch = watching.Watch()
    for every in (300.0, 300.0, 0.0):
        monkeypatch.setattr(watching, "TASKS_GLANCED", every)
        before = watch.glance()
        wait_for(lambda before=before: watch._latest is not before)
    watch.forget()
    assert counted == [True, False, True]
