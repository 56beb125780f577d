"""Decisions about listings: which may follow which, in what order they wait, who decided, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from erebus_app.services import listings
from nullstore.actor import Actor
from nullstore.exceptions import ActionRefused
from tests.integration import adminpages
from tests.integration.adminpages import page, record
from tests.integration.consoleactions import (
    address,
    buttons,
    content,
    log_texts,
    press,
    press_many,
    refused_by_a_faster_one,
    said,
    section,
)
from tests.integration.erebus_rows import insert

in_databases = pytest.mark.django_db(databases=["erebus", "agents"])

LISTING = "erebus_app.Listing"
STATES = ("pending", "approved", "rejected", "inactive", "featured", "of-a-service")
#: What leads on from each state, and to which.
LEADS = {
    "approve": {"pending": "approved"},
    "reject": {"pending": "rejected", "of-a-service": "rejected"},
    "reopen": {"rejected": "pending"},
    "feature": {"approved": "featured"},
    "unfeature": {"featured": "approved"},
    "deactivate": {"approved": "inactive", "featured": "inactive", "of-a-service": "inactive"},
    "activate": {"inactive": "approved"},
}


def listing(state: str = "pending", **columns: Any) -> Any:
    return insert("crossroads_listings", status=state, **columns)["id"]


def state_of(key: Any) -> str:
    return str(record(LISTING, key)["status"])


@in_databases
class TestDecision:
    @pytest.mark.parametrize("action", LEADS)
    def test_leads_from_where_it_may_and_from_nowhere_else(self, action: str, client: Client) -> None:
        for state in STATES:
            key = listing(state, title=f"The {state} one")
            shown = press(client, LISTING, key, action, reason="thought over")
            expected = LEADS[action].get(state)
            assert state_of(key) == (expected or state)
            if expected is None:
                assert f"Not done to 1 listing: The {state} one 1.0.0: It is {state}" in said(shown)
            assert len(log_texts(key)) == (expected is not None)

    def test_buttons_are_those_that_lead_on(self, client: Client) -> None:
        shown = {state: buttons(client.get(page(LISTING, "change", listing(state)))) for state in STATES}
        assert shown == {
            "pending": {"Approve", "Reject"},
            "approved": {"Feature", "Deactivate"},
            "featured": {"Stop featuring", "Deactivate"},
            "rejected": {"Review again"},
            "inactive": {"Activate"},
            "of-a-service": {"Reject", "Deactivate"},
        }

    def test_a_rejection_needs_a_reason_which_becomes_the_note(self, client: Client) -> None:
        key = listing()
        for reason in ("", "   "):
            assert "This field is required" in content(press(client, LISTING, key, "reject", reason=reason))
        assert (state_of(key), log_texts(key)) == ("pending", [])
        shown = press(client, LISTING, key, "reject", reason="It copies <another>.")
        assert record(LISTING, key)["review_note"] == "It copies <another>."
        assert "It copies &lt;another&gt;." in section(shown, "queue")
        assert log_texts(key) == ["Rejected. Reason: It copies <another>."]

    def test_an_approval_ends_an_earlier_rejection(self, client: Client) -> None:
        key = listing("rejected", review_note="bad")
        press(client, LISTING, key, "reopen")
        assert record(LISTING, key)["review_note"] == "bad"
        press(client, LISTING, key, "approve")
        assert (state_of(key), record(LISTING, key)["review_note"]) == ("approved", None)

    def test_on_many_names_those_that_it_was_not_done_to(self, client: Client) -> None:
        keys = [listing(), listing(), listing("rejected", title="Bad one")]
        answer = said(press_many(client, LISTING, keys, "approve"))
        assert "Approved: 2 listings." in answer
        assert (
            "Not done to 1 listing: Bad one 1.0.0: It is rejected; only what is pending can become approved." in answer
        )

    def test_cannot_be_made_by_the_form(self, client: Client) -> None:
        key = listing()
        adminpages.submit(client, page(LISTING, "change", key), status="featured")
        adminpages.submit(
            client, page(LISTING, "add"), title="New", listing_type="tool", author="ada", status="featured"
        )
        assert state_of(key) == "pending"
        [added] = [
            row for row in client.get(page(LISTING, "changelist")).context["cl"].result_list if row.title == "New"
        ]
        assert added.status == "pending"

    @pytest.mark.parametrize("action", LEADS)
    def test_a_viewer_is_offered_none_and_refused(self, action: str) -> None:
        watcher = adminpages.viewer()
        key = listing(next(iter(LEADS[action])))
        before = record(LISTING, key)
        assert not buttons(watcher.get(page(LISTING, "change", key)))
        for answer in (watcher.get(address(LISTING, key, action)), watcher.post(address(LISTING, key, action), {})):
            assert answer.status_code == 403
        press_many(watcher, LISTING, [key], action, reason="because")
        assert (record(LISTING, key), log_texts(key)) == (before, [])

    def test_about_a_listing_that_has_gone_is_refused(self) -> None:
        with pytest.raises(ActionRefused, match="There is no listing"):
            listings.decide(uuid4(), "approve", Actor("ada"))


def test_the_second_of_two_reviewers_is_told(committed_erebus: None) -> None:
    key = listing()
    refusal = refused_by_a_faster_one(
        "UPDATE crossroads_listings SET status = 'approved' WHERE id = %s",
        [key],
        lambda: listings.decide(key, "reject", Actor("bob", "bad")),
    )
    assert refusal == "It is approved; only what is pending can become rejected."
    assert record(LISTING, key)["review_note"] is None


def test_the_second_of_two_who_agree_is_told_too(committed_erebus: None) -> None:
    key = listing()
    refusal = refused_by_a_faster_one(
        "UPDATE crossroads_listings SET status = 'approved' WHERE id = %s",
        [key],
        lambda: listings.decide(key, "approve", Actor("bob")),
    )
    assert refusal == "It is approved already: somebody else has decided."


@in_databases
class TestQueue:
    def waiting(self, count: int) -> list[Any]:
        """Listings that wait, the one that has waited longest first."""
        now = datetime.now(UTC)
        return [listing(title=f"Number {n}", created_at=now - timedelta(days=9 - n)) for n in range(count)]

    def test_is_a_link_with_its_count_and_begins_with_the_oldest(self, client: Client) -> None:
        keys = self.waiting(3)
        listing("approved")
        shown = content(client.get(page(LISTING, "changelist")))
        link = f"{page(LISTING, 'changelist')}?status=pending"
        assert f'<a href="{link}">Review queue: 3 waiting' in shown
        for who in (client, adminpages.viewer()):
            assert [row.pk for row in who.get(link).context["cl"].result_list] == keys

    def test_pages_on_from_the_oldest(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nullstore.admin.lists.admin.PagedList.list_per_page", 2)
        keys = self.waiting(3)
        first = client.get(page(LISTING, "changelist"), {"status": "pending"})
        links = dict(first.context["cl"].page_links)
        second = client.get(page(LISTING, "changelist") + links["Next"])
        assert [row.pk for row in second.context["cl"].result_list] == keys[2:]

    def test_offers_the_next_one_after_a_decision(self, client: Client) -> None:
        first, second, _ = self.waiting(3)
        shown = press(client, LISTING, first, "approve")
        assert f'Next in the queue: <a href="{page(LISTING, "change", second)}">Number 1 1.0.0</a>' in section(
            shown, "queue"
        )
        assert "The review queue (2)" in section(shown, "queue")

    def test_says_when_nothing_is_left(self, client: Client) -> None:
        [only] = self.waiting(1)
        assert "No other listing waits" in section(press(client, LISTING, only, "approve"), "queue")
