"""Verifications that are started from the replication page: who may, one at a time, and what they found."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.messages import get_messages
from django.db import models
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from nullstore.admin.replication import runs, verifying
from nullstore.exceptions import VerificationUnderWay
from nullstore.replication.compare.verification import verify
from tests.integration.adminpages import page, superuser, viewer
from tests.integration.damage import add_users, damage
from tests.integration.replicas import wait_for
from tests.integration.replicationpage import PAGE, operator, status, text_of, words
from tests.integration.test_verify_runs import locked_replica

pytestmark = pytest.mark.usefixtures("damaged_pair", "no_thread_is_left")

VERIFY = reverse("admin:replication_verify")
RUN = "erebus_app.VerificationRun"


@pytest.fixture
def no_thread_is_left(look_anew: None) -> Iterator[None]:
    """The databases are emptied after the test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "verification":
            thread.join(30)


def model() -> Any:
    return apps.get_model(RUN)


def said(response: HttpResponse) -> str:
    """The message that the next page shows."""
    assert response.status_code == 302
    assert response.headers["Location"].startswith(PAGE)
    return " ".join(map(str, get_messages(response.wsgi_request)))


def last(client: Client) -> str:
    return text_of(status(client)["html"]["verification"])


def test_an_operator_starts_one_and_sees_how_it_ends() -> None:
    add_users(3)
    client = operator("olga")
    assert "Verify now" in words(client)
    assert "The comparison has begun" in said(client.post(VERIFY))
    wait_for(lambda: "equal" in last(client))
    assert last(client).startswith("✓ equal run ")
    assert " by olga, begun 20" in last(client)
    assert "rows in the source 3 rows in the replica 3 missing in the replica 0" in last(client)
    assert [(run.requested_by, run.state) for run in model().objects.all()] == [("olga", "equal")]
    assert last(client) in words(client)


def test_a_viewer_sees_the_last_one_and_can_start_none() -> None:
    verify(requested_by="olga")
    client = viewer()
    shown = words(client)
    assert "by olga" in shown
    assert "Verify now" not in shown
    assert client.post(VERIFY).status_code == 403
    assert model().objects.count() == 1


def test_a_post_without_its_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser().get(PAGE).wsgi_request.user)
    assert client.post(VERIFY).status_code == 403
    assert model().objects.count() == 0


def test_a_second_one_is_refused_with_who_runs_the_first() -> None:
    add_users(3)
    client = superuser()
    first = operator("olga")
    with locked_replica():
        assert "has begun" in said(first.post(VERIFY))
        refused = said(client.post(VERIFY))
        assert "Another verification is under way: run " in refused
        assert " by olga, since 20" in refused
        running = last(client)
    assert running.startswith("▶ running run ")
    assert " by olga, since 20" in running
    assert "user_references: hashing" in running or "waiting for the replica" in running
    wait_for(lambda: last(client).startswith("✓ equal"))
    assert model().objects.count() == 1


def test_a_run_whose_process_died_is_told_to_be_interrupted() -> None:
    run = model().objects.create(requested_by="killed", state="running")
    client = superuser()
    assert last(client).startswith(f"✕ interrupted run {run.pk} by killed, begun 20")
    assert "The process that ran it has ended without a word" in words(client)
    assert "interrupted" in client.get(page(RUN, "changelist")).content.decode()
    assert "interrupted" in client.get(page(RUN, "change", run.pk)).content.decode()
    client.post(VERIFY)
    wait_for(lambda: last(client).startswith("✓ equal"))
    assert [each.state for each in model().objects.order_by("id")] == ["failed", "equal"]


def test_a_run_that_is_under_way_elsewhere_is_told_to_be_running() -> None:
    seen: list[str] = []
    client = superuser()
    verify(requested_by="cron", progress=lambda _: seen.append(last(client)))
    assert seen
    assert all(each.startswith("▶ running") for each in seen)


def test_one_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("nullstore.admin.replication.verifying.verify", fails)
    refused = said(superuser().post(VERIFY))
    assert refused == "The comparison ended with an error (RuntimeError)."


def test_one_that_has_not_begun_in_time_is_not_said_to_have_begun(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    def slow(**_: Any) -> None:
        go_on.wait(10)
        raise VerificationUnderWay("Another verification is under way: run 7.")

    monkeypatch.setattr("nullstore.admin.replication.verifying.verify", slow)
    monkeypatch.setattr("nullstore.admin.replication.verifying.BEGINS_WITHIN", 0.05)
    answer = said(operator("olga").post(VERIFY))
    assert "has begun." not in answer
    assert "not known yet whether it has begun" in answer
    assert caplog.text == ""
    go_on.set()
    wait_for(lambda: "asked for by olga: Another verification is under way: run 7." in caplog.text)


def test_what_it_does_is_known_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def at_once(requested_by: str, progress: Any) -> None:
        progress("hashing")
        seen.append(verifying.doing())

    monkeypatch.setattr("nullstore.admin.replication.verifying.verify", at_once)
    superuser().post(VERIFY)
    assert seen == ["hashing"]
    assert verifying.doing() == ""


def test_what_differs_is_listed_with_links_to_both_rows() -> None:
    found = damage(add_users(30))
    verify(requested_by="olga")
    client = superuser()
    run = model().objects.get()
    assert last(client).startswith("✕ different")
    response = client.get(page(RUN, "change", run.pk))
    content = response.content.decode()
    shown = text_of(content)
    assert "missing in the replica 10 only in the replica 10 different 10" in shown
    assert "Rows that differ: the first 20, and 10 more" in shown
    listed = {row["id"]: row["what"] for row in run.result["rows"]}
    assert len(listed) == 20
    source, replica = ("erebus_app.UserReference", "agents_app.UserReference")
    for key, what, columns in found:
        if key in listed:
            assert (f'href="{page(source, "change", key)}"' in content) == (what != "extra")
            assert (f'href="{page(replica, "change", key)}"' in content) == (what != "missing")
            assert not columns or f"{key} different email" in shown
    assert "example.org" not in content


def test_a_result_of_another_form_is_no_error() -> None:
    client, null = superuser(), models.Value(None, models.JSONField())
    for result in ({}, [], "text", null, {"rows": 5}, {"rows": [7, {"table": "gone", "id": 3}]}, {"missing": "x"}):
        run = model().objects.create(requested_by="somebody", state="different", result=result)
        assert client.get(page(RUN, "change", run.pk)).status_code == 200
        assert runs.figures(model().objects.get(pk=run.pk).result) is not None
    assert "by somebody" in last(client)


def test_runs_tells_apart_who_is_at_work() -> None:
    model().objects.create(requested_by="killed", state="running")
    (run,) = runs.with_process(model().objects.all())
    assert runs.state_of(run) == "interrupted"
