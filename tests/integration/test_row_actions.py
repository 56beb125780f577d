"""What staff do to rows with a button: on one and on many, asked first, logged twice, refused by name."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from nullstore.admin import outage
from nullstore.admin.rowactions import views
from tests.integration.adminpages import agents, fields, insert_task, page, record, viewer

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"


def action(key: Any) -> str:
    return page(TASK, "change", key).replace("/change/", "/do/cancel/")


def choose(client: Client, *keys: Any, across: bool = False, query: str = "", **data: Any) -> Any:
    """Choose the action in the list, with these boxes ticked; with `confirmed` say yes to its question."""
    posted = {"action": "cancel", "_selected_action": keys, "select_across": int(across), **data}
    return client.post(page(TASK, "changelist") + query, posted, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def status(key: Any) -> str:
    return str(record(TASK, key)["status"])


def test_it_is_asked_first_and_then_done(client: Client) -> None:
    key = insert_task(name="the stuck one")
    asked = client.get(action(key))
    assert "the stuck one" in asked.content.decode()
    assert status(key) == "submitted"
    answer = client.post(action(key), {"reason": "asked for"}, follow=True)
    assert said(answer) == ["Canceled: 1 task."]
    assert answer.redirect_chain[-1][0] == page(TASK, "change", key)
    assert status(key) == "canceled"


def test_both_logs_say_who_and_why(client: Client) -> None:
    key = insert_task()
    client.post(action(key), {"reason": "asked for"})
    [entry] = LogEntry.objects.filter(object_id=str(key))
    assert (entry.get_change_message(), entry.is_change()) == ("Canceled. Reason: asked for", True)
    [(actor, done, reason)] = agents.rows(
        "SELECT actor, action, detail ->> 'reason' FROM ops_actions WHERE target_id = %s", [str(key)]
    )
    assert (actor, done, reason) == (entry.user.username, "cancel", "asked for")
    assert "asked for" in client.get(page(TASK, "change", key)).content.decode()


def test_what_is_not_possible_has_no_button_and_says_so(client: Client) -> None:
    key = insert_task(status="completed")
    assert action(key) not in client.get(page(TASK, "change", key)).content.decode()
    assert "not possible" in said(client.get(action(key), follow=True))[0]
    answer = client.post(action(key), {"reason": ""}, follow=True)
    assert "Not done to 1 task" in said(answer)[0]
    assert "completed" in said(answer)[0]
    assert LogEntry.objects.filter(object_id=str(key)).count() == 0


@pytest.mark.parametrize("key", [uuid4(), "nonsense", "%00"])
def test_a_row_that_is_not_there_is_said_to_be_missing(key: Any, client: Client) -> None:
    address = action(uuid4()).replace(action(uuid4()).split("/")[-4], str(key))
    assert "exist" in said(client.get(address, follow=True))[0]


def test_its_page_waits_for_no_database_that_is_known_to_be_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = insert_task()
    monkeypatch.setattr(outage, "fails", lambda alias: alias == "agents")
    for answer in (client.get(action(key)), client.post(action(key), {"reason": ""})):
        assert answer.status_code == 503
        assert "agents does not answer" in answer.content.decode()
    assert status(key) == "submitted"


class TestMany:
    def test_the_others_are_named_in_the_answer(self, client: Client) -> None:
        keys = [insert_task(name=name, status=status) for name, status in [("a", "working"), ("b", "failed")]]
        asked = choose(client, *keys)
        assert [status(key) for key in keys] == ["working", "failed"]
        assert "2 selected" in asked.content.decode()
        answer = choose(client, *keys, confirmed="yes", reason="")
        assert [status(key) for key in keys] == ["canceled", "failed"]
        assert said(answer)[0] == "Canceled: 1 task."
        assert said(answer)[1].startswith("Not done to 1 task: b (failed): ")

    def test_all_means_all_of_the_filter(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "BATCH", 2)
        keys = [insert_task(status="working") for _ in range(5)]
        other = insert_task(status="submitted")
        query = "?status__exact=working" if "status__exact" in _first_filter(client) else "?status=working"
        choose(client, keys[0], across=True, query=query, confirmed="yes", reason="")
        assert {status(key) for key in keys} == {"canceled"}
        assert status(other) == "submitted"

    def test_one_click_does_a_bounded_number(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "BATCH", 2)
        monkeypatch.setattr(views, "MOST", 4)
        keys = [insert_task() for _ in range(7)]
        answer = choose(client, keys[0], across=True, confirmed="yes", reason="")
        assert sorted(status(key) for key in keys) == ["canceled"] * 4 + ["submitted"] * 3
        assert "as many as one click goes through" in " ".join(said(answer))
        rest = fields(answer)["after"]
        answer = choose(client, keys[0], across=True, confirmed="yes", reason="", after=rest)
        assert {status(key) for key in keys} == {"canceled"}
        assert said(answer) == ["Canceled: 3 tasks."]

    def test_one_click_takes_a_bounded_time(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "BUDGET", 0.0)
        keys = [insert_task() for _ in range(3)]
        answer = choose(client, *keys, confirmed="yes", reason="")
        assert sorted(status(key) for key in keys) == ["canceled", "submitted", "submitted"]
        assert "Those were 1 task, as many as" in " ".join(said(answer))
        assert fields(answer)["after"] == str(min(keys))

    def test_one_that_has_left_the_filter_is_named_and_not_passed_over(self, client: Client) -> None:
        key = insert_task(name="it", status="completed")
        answer = choose(client, key, query="?status=working", confirmed="yes", reason="")
        assert "Not done to 1 task: it (completed): it is completed" in said(answer)[0]

    def test_those_that_are_gone_are_told_of(self, client: Client) -> None:
        insert_task()
        answer = choose(client, uuid4(), confirmed="yes", reason="")
        assert said(answer) == ["Nothing was done: none of the rows chosen is there any more."]

    def test_what_takes_too_long_is_named_and_the_others_are_done_and_logged(self, client: Client) -> None:
        agents.run(
            "CREATE FUNCTION pg_temp.sleep() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF NEW.name = 'slow' THEN PERFORM pg_sleep(5); END IF; RETURN NEW; END $$"
        )
        agents.run("CREATE TRIGGER slow BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION pg_temp.sleep()")
        agents.run("SET LOCAL statement_timeout = '200ms'")
        keys = [insert_task(name=name) for name in ("first", "slow", "last")]
        answer = choose(client, *keys, confirmed="yes", reason="")
        assert [status(key) for key in keys] == ["canceled", "submitted", "canceled"]
        assert said(answer)[0] == "Canceled: 2 tasks."
        assert "slow (submitted): it took too long" in said(answer)[1]
        assert LogEntry.objects.filter(object_id__in=map(str, keys)).count() == 2

    @pytest.mark.parametrize("after", ["nonsense", "\x00", "1"])
    def test_a_place_that_is_none_is_the_beginning(self, after: str, client: Client) -> None:
        key = insert_task()
        choose(client, key, confirmed="yes", reason="", after=after)
        assert status(key) == "canceled"

    def test_an_invalid_form_asks_about_the_rest_alone(self, client: Client) -> None:
        keys = sorted(insert_task() for _ in range(3))
        answer = choose(client, *keys, confirmed="yes", reason="x" * 256, after=keys[0])
        assert {row.pk for row in answer.context["rows"]} == set(keys[1:])
        assert fields(answer)["after"] == str(keys[0])

    def test_an_invalid_form_is_asked_again_and_nothing_is_done(self, client: Client) -> None:
        key = insert_task()
        answer = choose(client, key, confirmed="yes", reason="x" * 256)
        assert "at most 255 characters" in answer.content.decode()
        assert status(key) == "submitted"


def _first_filter(client: Client) -> str:
    return client.get(page(TASK, "changelist")).content.decode()


def test_who_may_only_look_can_do_nothing() -> None:
    watching, key = viewer(), insert_task()
    assert action(key) not in watching.get(page(TASK, "change", key)).content.decode()
    for answer in (watching.get(action(key)), watching.post(action(key), {"reason": ""})):
        assert answer.status_code == 403
    choose(watching, key, confirmed="yes", reason="")
    assert status(key) == "submitted"
