"""What triggers keep of a listing, whatever a writer sends: is_free, the search vector and the rating."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.erebus_rows import execute, get, insert

pytestmark = pytest.mark.django_db(databases=["erebus"])

LISTING = "crossroads_listings"


def change(listing: dict[str, Any], assignment: str, *params: Any) -> dict[str, Any]:
    """UPDATE the listing and return it as it then is."""
    execute(f"UPDATE {LISTING} SET {assignment} WHERE id = %s", *params, listing["id"])
    return get(LISTING, listing["id"])


def found(words: str) -> list[Any]:
    """Return the ids of the listings that a search finds, best first."""
    rows = execute(
        """
        SELECT id FROM crossroads_listings, plainto_tsquery('pg_catalog.english', %s) AS query
        WHERE search_vector @@ query ORDER BY ts_rank(search_vector, query) DESC
        """,
        words,
    )
    return [row["id"] for row in rows]


def rated(listing_id: Any) -> tuple[Decimal | None, int]:
    row = get(LISTING, listing_id)
    return row["rating"], row["total_ratings"]


def review(listing_id: Any, *ratings: int) -> list[Any]:
    """Add a review for each rating; return their ids."""
    return [insert("crossroads_reviews", listing_id=listing_id, rating=rating)["id"] for rating in ratings]


@pytest.mark.parametrize(("price", "sent", "free"), [(0, False, True), (5, True, False), (0, True, True)])
def test_a_listing_is_free_if_its_price_is_0(price: int, sent: bool, free: bool) -> None:
    listing = insert(LISTING, price_lamports=price, is_free=sent)

    assert listing["is_free"] is free
    assert change(listing, "is_free = NOT is_free")["is_free"] is free
    assert change(listing, "price_lamports = 5 - price_lamports")["is_free"] is not free


def test_a_search_finds_title_tags_and_description_in_this_order() -> None:
    description = insert(LISTING, title="One", description="It trades while you sleep.")["id"]
    tag = insert(LISTING, title="Two", tags=["defi", "trading"])["id"]
    title = insert(LISTING, title="The Trader's trade")["id"]
    insert(LISTING, title="Weather")

    assert found("trade") == [title, tag, description]
    assert found("defi") == [tag]


@pytest.mark.parametrize(
    "assignment", ["title = 'Weather'", "tags = ARRAY['weather']", "description = 'Knows the weather.'"]
)
def test_a_search_finds_what_an_update_wrote(assignment: str) -> None:
    listing = insert(LISTING)
    assert found("weather") == []

    change(listing, assignment)

    assert found("weather") == [listing["id"]]


@pytest.mark.parametrize("language", ["simple", "german"])
def test_a_search_does_not_depend_on_the_language_of_the_writer(language: str) -> None:
    execute("SELECT set_config('default_text_search_config', %s, true)", language)

    listing = insert(LISTING, title="Trading houses")

    assert found("house trade") == [listing["id"]]


def test_nobody_else_writes_the_search_vector() -> None:
    listing = insert(LISTING, title="Weather", search_vector="'trade':1")
    assert found("trade") == []

    changed = change(listing, "search_vector = to_tsvector('simple', 'trade')")

    assert changed["search_vector"] == listing["search_vector"]


WORDS = ["weather", *(f"word{number:07}" for number in range(170_000))]


@pytest.mark.parametrize(("column", "value"), [("description", " ".join(WORDS)), ("tags", WORDS)], ids=["text", "tags"])
def test_more_words_than_a_search_vector_holds_are_accepted(column: str, value: Any) -> None:
    """A tsvector holds 1 MB. These 2 MB of different words are stored whole, and found by their beginning."""
    listing = insert(LISTING, **{column: value})

    assert found("weather") == [listing["id"]]
    assert found("word0169999") == []
    assert listing[column] == value


def test_a_new_listing_is_unrated_whatever_is_sent() -> None:
    listing = insert(LISTING, rating=5, total_ratings=1000)

    assert (listing["rating"], listing["total_ratings"]) == (None, 0)


def test_reviews_make_the_rating() -> None:
    listing = insert(LISTING)["id"]
    first, second, _ = review(listing, 5, 4, 4)
    assert rated(listing) == (Decimal("4.33"), 3)

    execute("UPDATE crossroads_reviews SET rating = 1 WHERE id = %s", first)
    assert rated(listing) == (Decimal("3.00"), 3)

    execute("DELETE FROM crossroads_reviews WHERE id = %s", second)
    assert rated(listing) == (Decimal("2.50"), 2)

    execute("DELETE FROM crossroads_reviews")
    assert rated(listing) == (None, 0)


def test_a_review_that_moves_counts_where_it_is() -> None:
    old, new = insert(LISTING)["id"], insert(LISTING)["id"]
    moving, _ = review(old, 5, 1)
    review(new, 2)

    execute("UPDATE crossroads_reviews SET listing_id = %s WHERE id = %s", new, moving)

    assert rated(old) == (Decimal("1.00"), 1)
    assert rated(new) == (Decimal("3.50"), 2)


def test_a_statement_that_writes_many_reviews_rates_every_listing() -> None:
    listings = [insert(LISTING)["id"] for _ in range(3)]

    execute(
        """
        INSERT INTO crossroads_reviews (listing_id, reviewer_wallet, rating)
        SELECT listing, 'wallet ' || number, 1 + number %% 5 FROM unnest(%s) listing, generate_series(0, 9) number
        """,
        listings,
    )

    assert {rated(listing) for listing in listings} == {(Decimal("3.00"), 10)}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO crossroads_reviews (listing_id, reviewer_wallet, rating) "
        "SELECT id, 'new ' || number, 3 FROM crossroads_listings, generate_series(1, 100) number",
        "UPDATE crossroads_reviews SET rating = 1",
        "DELETE FROM crossroads_reviews",
    ],
)
def test_a_statement_writes_a_listing_once_however_many_reviews_it_writes(statement: str) -> None:
    """Once for each review, the time would grow with the square of the reviews: minutes for 10,000."""
    review(insert(LISTING)["id"], 5, 4, 3)
    written = "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'crossroads_listings'"
    (before,) = execute(written)

    execute(statement)

    (after,) = execute(written)
    assert after["n_tup_upd"] - before["n_tup_upd"] == 1


def test_a_statement_that_inserts_and_updates_counts_both() -> None:
    listing = insert(LISTING)["id"]
    first = get("crossroads_reviews", review(listing, 5)[0])

    execute(
        """
        INSERT INTO crossroads_reviews (listing_id, reviewer_wallet, rating) VALUES (%s, %s, 1), (%s, 'new', 2)
        ON CONFLICT (listing_id, reviewer_wallet) DO UPDATE SET rating = excluded.rating
        """,
        listing,
        first["reviewer_wallet"],
        listing,
    )

    assert rated(listing) == (Decimal("1.50"), 2)


@pytest.mark.parametrize(
    "assignment",
    ["rating = 5", "rating = NULL", "total_ratings = 0", "total_ratings = 1000, rating = 1", "rating = 4.34"],
)
def test_nobody_else_writes_the_rating(assignment: str) -> None:
    listing = insert(LISTING)
    review(listing["id"], 5, 4, 4)

    changed = change(listing, assignment)

    assert (changed["rating"], changed["total_ratings"]) == (Decimal("4.33"), 3)


def test_a_listing_goes_with_its_reviews() -> None:
    listing = insert(LISTING)["id"]
    review(listing, 5, 4)

    execute("DELETE FROM crossroads_listings WHERE id = %s", listing)

    assert execute("SELECT FROM crossroads_reviews") == []


def test_truncate_of_the_reviews_leaves_no_rating() -> None:
    listing = insert(LISTING)["id"]
    review(listing, 5, 4)

    execute("TRUNCATE crossroads_reviews")

    assert rated(listing) == (None, 0)


def test_the_triggers_do_not_depend_on_the_search_path() -> None:
    listing = insert(LISTING)["id"]
    execute("SET LOCAL search_path = ''")

    execute(
        "INSERT INTO public.crossroads_reviews (listing_id, reviewer_wallet, rating) VALUES (%s, 'ada', 5)", listing
    )
    execute("UPDATE public.crossroads_listings SET title = 'Weather' WHERE id = %s", listing)
    execute("SET LOCAL search_path = public")

    assert rated(listing) == (Decimal("5.00"), 1)
    assert found("weather") == [listing]
