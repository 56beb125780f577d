"""What the console shows of agents while erebus, which has the accounts, does not answer."""

from typing import Any

import pytest
from django.test import Client

from nullstore.replication.fence import wait_until_replicated
from tests.integration import erebus_rows
from tests.integration.adminpages import insert_agent, insert_engram, page
from tests.integration.consoleactions import section
from tests.integration.outages import assert_says, place, text, without

pytestmark = pytest.mark.usefixtures("committed_pair", "known_to_nobody")

START = "/admin/"


def _insert(label: str) -> tuple[Any, str]:
    """A row that both databases have if both are to have it; its id, and a text that only it has."""
    if label == "agents_app.UserReference":
        user = erebus_rows.insert("user_references", email="ada@example.org")
        wait_until_replicated(timeout=30)
        return user["id"], user["email"]
    if label == "agents_app.Agent":
        return insert_agent(name="the scribe", capabilities='{"skill": "shorthand"}'), "the scribe"
    return insert_engram(key="the.memory", content='{"tone": "formal"}'), "the.memory"


@pytest.mark.parametrize(
    ("label", "there", "missing"),
    [
        ("agents_app.Agent", ["shorthand", "0 tasks finished in the last 24 hours"], ["api-keys"]),
        ("agents_app.UserReference", ["Read-only copy"], ["replica"]),
        ("agents_app.Engram", ["formal"], []),
    ],
)
def test_without_erebus_pages_and_lists_have_what_agents_knows_and_name_the_rest(
    label: str, there: list[str], missing: list[str], client: Client
) -> None:
    key, told = _insert(label)
    client.get(START)
    with without("erebus"):
        listed, shown = client.get(page(label, "changelist")), client.get(page(label, "change", key))
        for answer in (listed, shown):
            assert_says(answer, 200, told, f"erebus at {place('erebus')} does not answer.", "nothing can be changed")
    for answer in (listed, shown):
        assert 'name="_save"' not in text(answer)
        assert 'select name="action"' not in text(answer)
    assert [row.pk for row in listed.context["cl"].result_list] == [key]
    assert_says(shown, 200, *there)
    gone = "The database erebus does not answer; what it has to say about this is missing here."
    assert [name for name in missing if gone not in section(shown, name)] == []
    assert text(shown).count(gone) == len(missing)


@pytest.mark.parametrize("label", ["agents_app.Agent", "agents_app.UserReference", "agents_app.Engram"])
def test_without_erebus_there_is_no_history_of_a_row(label: str, client: Client) -> None:
    key, _ = _insert(label)
    client.get(START)
    with without("erebus"):
        assert_says(client.get(page(label, "history", key)), 503, "erebus does not answer", place("erebus"))
