"""The searches, filters and pages of staff can be answered by the index that was made for them."""

import pytest

from tests.integration.baresql import BareSQL
from tests.integration.erebus_rows import execute
from tests.integration.plans import only

pytestmark = pytest.mark.django_db(databases=["erebus"])

KEY = "'00000000-0000-4000-8000-000000000000'::uuid"
#: What is asked, as people and services ask it, and the index that must answer.
QUERIES = [
    ("user_references ORDER BY created_at DESC, id DESC", "user_references_created"),
    (
        f"user_references WHERE (created_at, id) < (now(), {KEY}) ORDER BY created_at DESC, id DESC",
        "user_references_created",
    ),
    ("user_references WHERE network = 'api' ORDER BY created_at DESC, id DESC", "user_references_network"),
    ("user_references WHERE user_type = 'system' ORDER BY created_at DESC, id DESC", "user_references_type"),
    ("user_references WHERE NOT is_active ORDER BY created_at DESC, id DESC", "user_references_inactive"),
    ("user_references WHERE source_identifier LIKE '0xab%%'", "user_references_source_prefix"),
    ("user_references WHERE source_identifier = '0xab'", "user_references_source_prefix"),
    (
        "user_references WHERE source_identifier = '0xab' AND network = 'base' AND is_active",
        "user_references_source_unique",
    ),
    ("user_references WHERE lower(email) LIKE 'ada%%'", "user_references_email_lower"),
    ("user_references WHERE email = 'ada@example.org' AND is_active", "user_references_email_unique"),
    ("wallets ORDER BY created_at DESC, id DESC", "wallets_created"),
    ("wallets WHERE lower(address) LIKE '0xab%%'", "wallets_address_prefix"),
    ("wallets WHERE lower(address) = '0xab'", "wallets_address_prefix"),
    (
        "wallets WHERE chain = 'base' AND verified_at IS NULL ORDER BY created_at DESC, id DESC",
        "wallets_unverified",
    ),
    ("sessions ORDER BY created_at DESC, id DESC", "sessions_created"),
    (f"sessions WHERE user_id = {KEY} ORDER BY created_at DESC, id DESC", "sessions_user"),
    (
        "sessions WHERE revoked_at IS NULL AND expires_at <= now() ORDER BY created_at DESC, id DESC",
        "sessions_unrevoked",
    ),
    (
        "sessions WHERE revoked_at IS NULL AND expires_at > now() ORDER BY created_at DESC, id DESC",
        "sessions_unrevoked",
    ),
    ("sessions WHERE revoked_at IS NOT NULL ORDER BY created_at DESC, id DESC", "sessions_revoked"),
    (
        "django_admin_log WHERE object_id = 'x' AND content_type_id = 1 ORDER BY action_time DESC",
        "django_admin_log_row",
    ),
    ("sessions WHERE token_hash = 'ab'", "sessions_token_hash_unique"),
    (f"secret_access_log WHERE api_key_id = {KEY} ORDER BY id DESC", "secret_access_log_key"),
    ("crossroads_listings ORDER BY created_at DESC, id DESC", "crossroads_listings_created"),
    ("crossroads_listings WHERE status = 'pending' ORDER BY created_at, id", "crossroads_listings_status"),
    ("crossroads_listings WHERE tags @> ARRAY['defi']", "crossroads_listings_tags"),
    ("crossroads_listings WHERE search_vector @@ plainto_tsquery('english', 'defi')", "crossroads_listings_search"),
    ("crossroads_reviews WHERE reviewer_wallet LIKE '0xab%%'", "crossroads_reviews_wallet"),
    ("crossroads_favorites WHERE wallet_address = '0xab'", "crossroads_favorites_wallet"),
    ("crossroads_purchases WHERE buyer_wallet = '0xab'", "crossroads_purchases_wallet"),
    ("crossroads_deployments WHERE deployer_wallet = '0xab'", "crossroads_deployments_wallet"),
]


@pytest.mark.parametrize(("query", "index"), QUERIES)
def test_a_query_finds_its_index(query: str, index: str) -> None:
    only(query.partition(" ")[0], index, "sort", sql=BareSQL("erebus"))

    plan = "\n".join(row["QUERY PLAN"] for row in execute(f"EXPLAIN SELECT id FROM {query}"))

    assert f" {index} " in f"{plan} ".replace("\n", " ")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("crossroads_listing_versions", "listing_id"),
        ("crossroads_reviews", "listing_id"),
        ("crossroads_favorites", "listing_id"),
        ("crossroads_purchases", "listing_id"),
        ("crossroads_deployments", "listing_id"),
        ("wallets", "user_id"),
        ("sessions", "user_id"),
        ("sessions", "wallet_id"),
    ],
)
def test_one_index_and_no_second_begins_with_a_foreign_key(table: str, column: str) -> None:
    """None: a DELETE of the parent reads the whole table. Two: each INSERT writes one for nothing."""
    indexes = execute(
        """
        SELECT indexrelid::regclass::text AS name FROM pg_index
        JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = %s::regclass AND attname = %s AND indpred IS NULL
        """,
        table,
        column,
    )

    assert len(indexes) == 1
