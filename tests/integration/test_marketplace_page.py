"""The list and the page of listings: full-text search, and what hangs on a listing, in figures that are true."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.adminpages import page, record
from tests.integration.consoleactions import content, section
from tests.integration.erebus_rows import execute, insert
from tests.integration.meanwhile import SECTION, after

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

LISTING = "erebus_app.Listing"


def found(client: Client, **query: Any) -> list[str]:
    return [row.title for row in client.get(page(LISTING, "changelist"), query).context["cl"].result_list]


def listing_page(client: Client, key: Any) -> Any:
    return client.get(page(LISTING, "change", key))


class TestSearch:
    @pytest.fixture(autouse=True)
    def listings(self) -> None:
        given: list[dict[str, Any]] = [
            {"title": "Trading houses", "author_wallet": "0xFeed1", "id": "11111111-2222-4000-8000-000000000000"},
            {"title": "Weather agent", "tags": ["trade", "rain"]},
            {"title": "Notes", "description": "It writes while you trade houses in the rain."},
        ]
        for number, columns in enumerate(given):
            insert("crossroads_listings", created_at=datetime.now(UTC) - timedelta(hours=number), **columns)

    @pytest.mark.parametrize(
        ("text", "titles"),
        [
            ("trade", ["Trading houses", "Weather agent", "Notes"]),
            ("trades house", ["Trading houses", "Notes"]),
            ("house -rain", ["Trading houses"]),
            ('"trade house"', ["Trading houses", "Notes"]),
            ("notes or weather", ["Weather agent", "Notes"]),
            ("0xFee", ["Trading houses"]),
            ("11111111-2222", ["Trading houses"]),
            ("11111111-2222-4000-8000-000000000000", ["Trading houses"]),
            ("nothing of this", []),
            ("& | ! ( :* \\ '", []),
            ("\x00", []),
            ("the", []),
        ],
    )
    def test_finds_words_as_a_web_search_does_the_newest_first(
        self, text: str, titles: list[str], client: Client
    ) -> None:
        assert found(client, q=text) == titles

    def test_goes_with_filters(self, client: Client) -> None:
        assert found(client, q="trade", tags="rain") == ["Weather agent"]
        assert found(client, q="trade", status="approved") == []


def test_filters_are_addresses(client: Client) -> None:
    insert("crossroads_listings", title="Tool", listing_type="tool", status="featured", price_lamports=5, tags=["a"])
    insert("crossroads_listings", title="Other")
    for query in ({"status": "featured"}, {"listing_type": "tool"}, {"is_free": "0"}, {"tags": "a"}):
        assert found(client, **query) == ["Tool"]


class TestPage:
    def test_shows_versions_deployments_by_state_and_favorites(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        version = insert("crossroads_listing_versions", listing_id=key, version="2.0.0", changelog="<b>faster</b>")[
            "id"
        ]
        for state in ("running", "running", "failed"):
            insert("crossroads_deployments", listing_id=key, status=state)
        favorite = insert("crossroads_favorites", listing_id=key, wallet_address="0xfan")["id"]
        shown = listing_page(client, key)
        assert page("erebus_app.ListingVersion", "change", version) in section(shown, "versions")
        assert "&lt;b&gt;faster&lt;/b&gt;" in section(shown, "versions")
        deployments = section(shown, "deployments").partition("</p>")[0]
        assert [deployments.count(part) for part in ("running</span> 2", "failed</span> 1", "stopped")] == [1, 1, 0]
        assert f'{page("erebus_app.Favorite", "change", favorite)}">0xfan</a>' in section(shown, "favorites")

    @pytest.mark.parametrize(
        ("prices", "told"),
        [
            ([], "None."),
            ([1], "1 purchase, 0.000000001 SOL (1 lamports)"),
            ([2_500_000_000, 500_000_000], "2 purchases, 3 SOL (3,000,000,000 lamports)"),
            ([2**62, 2**62], "9,223,372,036.854775808 SOL (9,223,372,036,854,775,808 lamports)"),
            ([10**18], "1,000,000,000 SOL"),
        ],
    )
    def test_sums_purchases_to_the_last_lamport(self, prices: list[int], told: str, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        for price in prices:
            insert("crossroads_purchases", listing_id=key, price_paid_lamports=price)
        assert told in section(listing_page(client, key), "purchases")

    def test_shows_how_ratings_are_distributed(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        for rating in (5, 5, 4, 1):
            insert("crossroads_reviews", listing_id=key, rating=rating)
        reviews = section(listing_page(client, key), "reviews")
        assert "3.75 of 5 from 4 reviews." in reviews
        bars = reviews.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]
        assert [(f">{count}</td>" in bar, f'rect width="{width}"' in bar) for bar, count, width in zip(
            bars, (2, 1, 0, 0, 1), (100, 50, 0, 0, 50), strict=True
        )] == [(True, True)] * 5  # fmt: skip

    def test_says_if_the_rating_is_not_that_of_the_reviews(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        insert("crossroads_reviews", listing_id=key, rating=4)
        execute("SET LOCAL session_replication_role = replica")
        execute("UPDATE crossroads_listings SET rating = 5, total_ratings = 9 WHERE id = %s", key)
        execute("SET LOCAL session_replication_role = origin")
        reviews = section(listing_page(client, key), "reviews")
        assert "The listing says 5.00 from 9, its reviews say 4.00 from 1" in reviews
        execute("UPDATE crossroads_listings SET total_ratings = 0 WHERE id = %s", key)
        assert "4.00 of 5 from 1 review." in section(listing_page(client, key), "reviews")

    def test_raises_no_alarm_for_a_review_that_comes_in_meanwhile(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        insert("crossroads_reviews", listing_id=key, rating=4)
        with after(r"COUNT\(.*crossroads_reviews", lambda: insert("crossroads_reviews", listing_id=key, rating=1)):
            reviews = section(listing_page(client, key), "reviews")
        assert "4.00 of 5 from 1 review." in reviews
        assert "2.50 of 5 from 2 reviews." in section(listing_page(client, key), "reviews")

    def test_of_one_that_was_deleted_meanwhile_opens_and_says_so(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        with after(SECTION, lambda: execute("DELETE FROM crossroads_listings WHERE id = %s", key)):
            assert "has been deleted meanwhile" in section(listing_page(client, key), "reviews")

    def test_lists_ten_and_leads_to_all(self, client: Client) -> None:
        key = insert("crossroads_listings")["id"]
        for _ in range(11):
            insert("crossroads_purchases", listing_id=key)
        insert("crossroads_purchases")
        purchases = section(listing_page(client, key), "purchases")
        link = f"{page('erebus_app.Purchase', 'changelist')}?q={key}"
        assert (purchases.count('<th scope="row">'), link in purchases) == (10, True)
        assert client.get(link).context["cl"].result_count == 11

    def test_takes_as_many_queries_for_many_rows_as_for_few(self, client: Client) -> None:
        def queries(key: Any) -> int:
            with CaptureQueriesContext(connections["erebus"]) as captured:
                listing_page(client, key)
            return len(captured)

        few, many = (insert("crossroads_listings")["id"] for _ in range(2))
        for key, rows in ((few, 1), (many, 8)):
            for number in range(rows):
                insert("crossroads_listing_versions", listing_id=key, version=f"1.{number}")
                for table in ("reviews", "purchases", "deployments", "favorites"):
                    insert(f"crossroads_{table}", listing_id=key)
        queries(few)
        assert queries(many) == queries(few)

    @pytest.mark.parametrize("hanging", ["crossroads_purchases", "crossroads_deployments"])
    def test_in_use_cannot_be_deleted_even_together_with_others(self, hanging: str, client: Client) -> None:
        key, free = insert("crossroads_listings")["id"], insert("crossroads_listings")["id"]
        insert(hanging, listing_id=key)
        posted = {"action": "delete_selected", "_selected_action": [key, free], "post": "yes"}
        answer = client.post(page(LISTING, "changelist"), posted, follow=True)
        assert "protected related objects" in content(answer)
        assert record(LISTING, key)
        assert record(LISTING, free)
