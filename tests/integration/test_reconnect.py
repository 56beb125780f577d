"""manage.py replication reconnect where nothing failed over: erebus by another name, and roles that may not ask."""

from collections.abc import Iterator

import pytest
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from pytest_django import Settings

from tests.faults.console import manage
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")
ROLE, PASSWORD = "asks_little", "of-nobody-at-all"


def connects_to() -> str:
    stored = AGENTS_SQL.value("SELECT subconninfo FROM pg_subscription WHERE subname = 'agents_user_sync'")
    return str(conninfo_to_dict(stored)["host"])


@pytest.fixture
def by_another_name(committed_pair: None, settings: Settings) -> Iterator[None]:
    """The settings lead the agents server to erebus as localhost."""
    before = settings.REPLICATION_SOURCE
    settings.REPLICATION_SOURCE = {"HOST": "localhost", "PORT": connections["erebus"].settings_dict["PORT"]}
    yield
    settings.REPLICATION_SOURCE = before
    assert manage("replication reconnect").code == 0
    assert connects_to() == "127.0.0.1"


@pytest.fixture
def no_right_to_replicate(committed_pair: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands log in to erebus as a role that may look and not replicate."""
    EREBUS_SQL.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor, pg_read_all_data")
    with monkeypatch.context() as patch:
        patch.setitem(connections["erebus"].settings_dict, "USER", ROLE)
        patch.setitem(connections["erebus"].settings_dict, "PASSWORD", PASSWORD)
        connections["erebus"].close()
        yield
    connections["erebus"].close()
    EREBUS_SQL.run(f"DROP ROLE {ROLE}")


@pytest.mark.usefixtures("by_another_name")
def test_it_connects_by_the_other_name_and_goes_on() -> None:
    rehearsed = manage("replication reconnect --dry-run --json").json
    assert (rehearsed["changes"], rehearsed["changed"], rehearsed["unchecked"]) == (True, False, "")
    assert connects_to() == "127.0.0.1"
    done = manage("replication reconnect")
    assert (done.code, connects_to()) == (0, "localhost")
    assert "It follows localhost:" in done.out
    assert "Not checked" not in done.out
    wait_until_replicated(30)
    assert "nothing was changed" in manage("replication reconnect").out


@pytest.mark.usefixtures("by_another_name", "no_right_to_replicate")
def test_without_the_right_to_replicate_the_subscriptions_own_role_is_asked() -> None:
    done = manage("replication reconnect --json")
    assert done.code == 0, done.err
    assert (done.json["changed"], done.json["unchecked"]) == (True, "")


@pytest.mark.usefixtures("no_right_to_replicate", "by_another_name")
def test_where_nobody_may_ask_it_refuses_unless_told_and_says_so(settings: Settings) -> None:
    right = settings.REPLICATION_ROLE
    settings.REPLICATION_ROLE = ROLE  # it may log in nowhere with that password
    refused = manage("replication reconnect")
    assert refused.code == 2
    assert "cannot be seen: erebus does not say when it was promoted" in refused.err
    assert "--unchecked" in refused.err
    assert settings.REPLICATION_PASSWORD not in refused.err
    assert connects_to() == "127.0.0.1"
    rehearsed = manage("replication reconnect --unchecked --dry-run --json")
    assert rehearsed.code == 0, rehearsed.err
    assert "does not say when it was promoted" in rehearsed.json["unchecked"]
    told = manage("replication reconnect --unchecked --dry-run")
    assert "Not checked whether that has everything: erebus does not say" in told.out
    settings.REPLICATION_ROLE = right
