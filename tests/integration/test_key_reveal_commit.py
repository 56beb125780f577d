"""A reveal is on record for good before anybody sees a secret. What the tests write is committed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.shortcuts import render

from erebus_app.admin.keys import reveal as view
from erebus_app.models import SecretAccessLog
from nullstore.replication.connect import connect
from tests.integration.adminpages import fields
from tests.integration.baresql import BareSQL
from tests.integration.keypages import PASSWORD, SECRET, action_page, log, make_key, staff

pytestmark = pytest.mark.usefixtures("committed_pair")

EREBUS = BareSQL("erebus")


@pytest.fixture
def commits_fail() -> Iterator[None]:
    """The log takes an entry, and refuses it when it is to be committed."""
    EREBUS.run(
        "CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.action = 'revealed' THEN RAISE 'too late'; END IF; RETURN NULL; END $$"
    )
    EREBUS.run(
        "CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON secret_access_log DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION too_late()"
    )
    yield
    EREBUS.run("DROP TRIGGER too_late ON secret_access_log")
    EREBUS.run("DROP FUNCTION too_late()")


@pytest.fixture
def the_other_log_fails() -> Iterator[None]:
    """The admin's own log takes nothing."""
    EREBUS.run("ALTER TABLE django_admin_log ADD CONSTRAINT nothing CHECK (action_flag = 0) NOT VALID")
    yield
    EREBUS.run("ALTER TABLE django_admin_log DROP CONSTRAINT nothing")


def reveal() -> str:
    client = staff("view_agentapikey", "reveal_agentapikey")
    address = action_page(make_key(), "reveal")
    answer = {**fields(client.get(address)), "reason": "to try it out", "password": PASSWORD}
    return client.post(address, answer).content.decode()


def test_the_entry_is_committed_before_the_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    committed: list[int] = []

    def look(request: Any, name: str, context: dict[str, Any], **kwargs: Any) -> Any:
        if "secret" in context:
            with connect("erebus") as elsewhere:
                found = elsewhere.execute("SELECT count(*) FROM secret_access_log WHERE action = 'revealed'").fetchone()
            committed.append(found[0] if found else 0)
        return render(request, name, context, **kwargs)

    monkeypatch.setattr(view, "render", look)
    assert SECRET in reveal()
    assert committed == [1]


def test_an_entry_that_cannot_be_committed_shows_nothing(commits_fail: None) -> None:
    content = reveal()
    assert SECRET not in content
    assert "The access could not be recorded" in content
    assert [entry[0] for entry in log()] == ["added"]
    assert not LogEntry.objects.exists()


def test_what_only_one_of_the_logs_took_is_in_none_and_shows_nothing(the_other_log_fails: None) -> None:
    content = reveal()
    assert SECRET not in content
    assert "The access could not be recorded" in content
    assert [entry[0] for entry in log()] == ["added"]


def test_what_is_on_record_can_be_neither_changed_nor_removed() -> None:
    reveal()
    for statement in ("UPDATE secret_access_log SET actor = 'x'", "DELETE FROM secret_access_log"):
        assert "append-only" in str(EREBUS.refusal(statement).message_primary)
    assert SecretAccessLog.objects.count() == 2
