"""What a bare SQL DELETE takes along, leaves, or is refused for."""

import pytest

from tests.integration.erebus_rows import execute, get, insert, refusal, total

pytestmark = pytest.mark.django_db(databases=["erebus"])

#: foreign_key_violation, and since PostgreSQL 18 restrict_violation.
RESTRICTED = {"23503", "23001"}


def test_deleting_a_user_takes_wallets_and_sessions_along() -> None:
    wallet = insert("wallets")
    insert("sessions", user_id=wallet["user_id"], wallet_id=wallet["id"])
    other = insert("sessions")

    execute("DELETE FROM user_references WHERE id = %s", wallet["user_id"])

    assert total("wallets") == 0
    assert [row["id"] for row in execute("SELECT id FROM sessions")] == [other["id"]]


def test_deleting_a_wallet_keeps_its_sessions() -> None:
    wallet = insert("wallets")
    session = insert("sessions", user_id=wallet["user_id"], wallet_id=wallet["id"])

    execute("DELETE FROM wallets WHERE id = %s", wallet["id"])

    assert get("sessions", session["id"])["wallet_id"] is None


@pytest.mark.parametrize("table", ["crossroads_listing_versions", "crossroads_reviews", "crossroads_favorites"])
def test_deleting_a_listing_takes_what_is_said_of_it_along(table: str) -> None:
    row = insert(table)
    other = insert(table)

    execute("DELETE FROM crossroads_listings WHERE id = %s", row["listing_id"])

    assert [left["id"] for left in execute(f"SELECT id FROM {table}")] == [other["id"]]


@pytest.mark.parametrize("table", ["crossroads_purchases", "crossroads_deployments"])
def test_a_listing_that_somebody_has_bought_or_runs_cannot_be_deleted(table: str) -> None:
    row = insert(table)

    said = refusal(execute, "DELETE FROM crossroads_listings WHERE id = %s", row["listing_id"])

    assert said.sqlstate in RESTRICTED
    assert said.constraint_name == f"{table}_listing_fkey"


def test_the_log_outlives_the_key() -> None:
    key = insert("agent_api_keys")
    entry = insert("secret_access_log", api_key_id=key["id"])

    execute("DELETE FROM agent_api_keys WHERE id = %s", key["id"])

    assert get("secret_access_log", entry["id"])["api_key_id"] == key["id"]
