"""Every constraint of erebus, broken with bare SQL; and what stands beside it is allowed."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps

from tests.integration.erebus_rows import execute, insert, refusal, total

pytestmark = pytest.mark.django_db(databases=["erebus"])

UNIQUE, CHECK, FOREIGN_KEY = "23505", "23514", "23503"

EVM = "0x" + "aB" * 20
SOLANA = "So11111111111111111111111111111111111111112"
LATER = datetime(2030, 1, 1, tzinfo=UTC)

#: Table, a first row, a second row that the constraint refuses. "same" stands for the parent of the first row.
DUPLICATES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "user_references_source_unique",
        "user_references",
        {"source_identifier": "ada", "network": "email"},
        {"source_identifier": "ada", "network": "email"},
    ),
    ("user_references_email_unique", "user_references", {"email": "ada@example.org"}, {"email": "ada@example.org"}),
    ("wallets_evm_address_unique", "wallets", {"address": EVM, "chain": "base"}, {"address": EVM, "chain": "base"}),
    (
        "wallets_evm_address_unique",
        "wallets",
        {"address": EVM, "chain": "monad"},
        {"address": EVM.lower(), "chain": "monad"},
    ),
    (
        "wallets_address_unique",
        "wallets",
        {"address": SOLANA, "chain": "solana"},
        {"address": SOLANA, "chain": "solana"},
    ),
    ("wallets_address_unique", "wallets", {"address": "x", "chain": "sui"}, {"address": "x", "chain": "sui"}),
    ("wallets_primary_unique", "wallets", {"is_primary": True}, {"is_primary": True, "user_id": "same"}),
    ("sessions_token_hash_unique", "sessions", {"token_hash": "a" * 64}, {"token_hash": "a" * 64}),
    (
        "agent_api_keys_agent_provider_unique",
        "agent_api_keys",
        {"agent_name": "scribe", "provider": "groq"},
        {"agent_name": "scribe", "provider": "groq"},
    ),
    (
        "crossroads_listing_versions_version_unique",
        "crossroads_listing_versions",
        {"version": "2.0.0"},
        {"version": "2.0.0", "listing_id": "same"},
    ),
    (
        "crossroads_reviews_reviewer_unique",
        "crossroads_reviews",
        {"reviewer_wallet": "ada"},
        {"reviewer_wallet": "ada", "listing_id": "same"},
    ),
    (
        "crossroads_favorites_wallet_unique",
        "crossroads_favorites",
        {"wallet_address": "ada"},
        {"wallet_address": "ada", "listing_id": "same"},
    ),
    ("crossroads_purchases_tx_signature_unique", "crossroads_purchases", {"tx_signature": "s"}, {"tx_signature": "s"}),
]

#: Table, a first row, a second row that is none of the constraint's business.
NEIGHBOURS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "user_references",
        {"source_identifier": "ada", "network": "email", "is_active": False},
        {"source_identifier": "ada", "network": "email"},
    ),
    (
        "user_references",
        {"source_identifier": "ada", "network": "email"},
        {"source_identifier": "ada", "network": "oauth"},
    ),
    ("user_references", {"email": "ada@example.org", "is_active": False}, {"email": "ada@example.org"}),
    ("user_references", {"email": None}, {"email": None}),
    ("wallets", {"address": EVM, "chain": "base"}, {"address": EVM, "chain": "polygon"}),
    ("wallets", {"address": SOLANA, "chain": "solana"}, {"address": SOLANA.lower(), "chain": "solana"}),
    ("wallets", {"address": "x", "chain": "sui"}, {"address": "X", "chain": "sui"}),
    ("wallets", {"is_primary": True}, {"is_primary": False, "user_id": "same"}),
    ("wallets", {"is_primary": True}, {"is_primary": True}),
    ("agent_api_keys", {"agent_name": "scribe", "provider": "groq"}, {"agent_name": "scribe", "provider": "ollama"}),
    ("crossroads_listing_versions", {"version": "2.0.0"}, {"version": "2.0.0"}),
    ("crossroads_reviews", {"reviewer_wallet": "ada"}, {"reviewer_wallet": "ada"}),
    ("crossroads_favorites", {"wallet_address": "ada"}, {"wallet_address": "ada"}),
    ("crossroads_purchases", {"tx_signature": None}, {"tx_signature": None}),
]

CHECKS: list[tuple[str, str, dict[str, Any]]] = [
    ("sessions_expires_after_created", "sessions", {"created_at": LATER, "expires_at": LATER}),
    ("agent_api_keys_provider_known", "agent_api_keys", {"provider": "acme"}),
    ("agent_api_keys_provider_known", "agent_api_keys", {"provider": "OpenAI"}),
    ("crossroads_listings_price_not_negative", "crossroads_listings", {"price_lamports": -1}),
    ("crossroads_reviews_rating_range", "crossroads_reviews", {"rating": 0}),
    ("crossroads_reviews_rating_range", "crossroads_reviews", {"rating": 6}),
    ("crossroads_purchases_price_not_negative", "crossroads_purchases", {"price_paid_lamports": -1}),
]

STRANGERS: list[tuple[str, str, str]] = [
    ("wallets_user_fkey", "wallets", "user_id"),
    ("sessions_user_fkey", "sessions", "user_id"),
    ("sessions_wallet_fkey", "sessions", "wallet_id"),
    ("crossroads_listing_versions_listing_fkey", "crossroads_listing_versions", "listing_id"),
    ("crossroads_reviews_listing_fkey", "crossroads_reviews", "listing_id"),
    ("crossroads_favorites_listing_fkey", "crossroads_favorites", "listing_id"),
    ("crossroads_purchases_listing_fkey", "crossroads_purchases", "listing_id"),
    ("crossroads_deployments_listing_fkey", "crossroads_deployments", "listing_id"),
]

BAD_SOURCE_TYPES = [
    "[]",
    "null",
    '"web3_wallet"',
    "{}",
    '{"type": null, "provider": "metamask"}',
    '{"type": "carrier_pigeon", "provider": "metamask"}',
    '{"type": ["web3_wallet"], "provider": "metamask"}',
    '{"type": "web3_wallet"}',
    '{"type": "web3_wallet", "provider": null}',
    '{"type": "web3_wallet", "provider": 1}',
    '{"type": "web3_wallet", "name": "metamask"}',
    '{"type": "email_auth", "agent_type": "x"}',
    '{"type": "oauth"}',
    '{"type": "api_key", "provider": "x"}',
    '{"type": "api_key", "name": {}}',
    '{"type": "system_agent", "name": "x"}',
    '[{"type": "web3_wallet", "provider": "metamask"}]',
]
GOOD_SOURCE_TYPES = [
    '{"type": "web3_wallet", "provider": "metamask"}',
    '{"type": "email_auth", "provider": "magic", "metadata": {"a": [1]}}',
    '{"type": "oauth", "provider": "github"}',
    '{"type": "api_key", "name": "ci"}',
    '{"type": "system_agent", "agent_type": "siren"}',
]


def second(first: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with "same" replaced by what the first row has in that column."""
    return {column: first[column] if value == "same" else value for column, value in values.items()}


def test_every_constraint_is_broken_here() -> None:
    declared = [
        (model._meta.db_table, constraint)
        for model in apps.get_app_config("erebus_app").get_models()
        for constraint in model._meta.constraints
    ]
    broken = {case[0] for case in [*DUPLICATES, *CHECKS, *STRANGERS]} | {"user_references_source_type_valid"}

    assert {constraint.name for _, constraint in declared} == broken
    assert [c.name for table, c in declared if not c.name.startswith(f"{table}_")] == []
    assert [c.name for _, c in declared if c.violation_error_message == c.default_violation_error_message] == []


@pytest.mark.parametrize(("constraint", "table", "one", "other"), DUPLICATES)
def test_a_second_row_is_refused(constraint: str, table: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    first = insert(table, **one)

    said = refusal(insert, table, **second(first, other))

    assert (said.sqlstate, said.table_name, said.constraint_name) == (UNIQUE, table, constraint)


@pytest.mark.parametrize(("table", "one", "other"), NEIGHBOURS)
def test_a_second_row_of_another_kind_is_allowed(table: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    first = insert(table, **one)

    insert(table, **second(first, other))

    assert total(table) == 2


def test_a_user_cannot_come_back_beside_another_of_the_same_name() -> None:
    gone = insert("user_references", source_identifier="ada", is_active=False)
    insert("user_references", source_identifier="ada")

    said = refusal(execute, "UPDATE user_references SET is_active = true WHERE id = %s", gone["id"])

    assert said.constraint_name == "user_references_source_unique"


@pytest.mark.parametrize(("constraint", "table", "values"), CHECKS)
def test_a_value_out_of_range_is_refused(constraint: str, table: str, values: dict[str, Any]) -> None:
    said = refusal(insert, table, **values)

    assert (said.sqlstate, said.table_name, said.constraint_name) == (CHECK, table, constraint)


@pytest.mark.parametrize(("constraint", "table", "column"), STRANGERS)
def test_a_row_of_nobody_is_refused(constraint: str, table: str, column: str) -> None:
    said = refusal(insert, table, **{column: uuid4()})

    assert (said.sqlstate, said.table_name, said.constraint_name) == (FOREIGN_KEY, table, constraint)


@pytest.mark.parametrize("source_type", BAD_SOURCE_TYPES)
def test_a_source_type_without_its_key_is_refused(source_type: str) -> None:
    said = refusal(insert, "user_references", source_type=source_type)

    assert (said.sqlstate, said.constraint_name) == (CHECK, "user_references_source_type_valid")


@pytest.mark.parametrize("source_type", GOOD_SOURCE_TYPES)
def test_a_source_type_with_its_key_is_allowed(source_type: str) -> None:
    insert("user_references", source_type=source_type)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("user_references", "user_type", "robot"),
        ("wallets", "chain", "bitcoin"),
        ("secret_access_log", "action", "lost"),
        ("crossroads_listings", "listing_type", "song"),
        ("crossroads_listings", "status", "archived"),
        ("crossroads_deployments", "status", "draining"),
    ],
)
def test_services_may_add_values_of_their_own(table: str, column: str, value: str) -> None:
    assert insert(table, **{column: value})[column] == value
