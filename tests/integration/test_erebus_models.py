"""What people who fill in a form are told: full_clean() of the models of erebus_app."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from erebus_app.models import AgentApiKey, AuthSession, Listing, Purchase, Review, UserReference, Wallet
from tests.integration.erebus_rows import execute, insert

pytestmark = pytest.mark.django_db(databases=["erebus"])

EVM = "0x" + "aB" * 20
SOLANA = "So11111111111111111111111111111111111111112"
EVM_CHAINS = ["ethereum", "base", "polygon", "monad"]


def complaints(instance: models.Model) -> dict[str, list[str]]:
    """Return what full_clean() says, by field."""
    with pytest.raises(ValidationError) as caught:
        instance.full_clean()
    return caught.value.message_dict


def wallet(**values: Any) -> Wallet:
    """Return a new wallet of a new user, not saved."""
    return Wallet(user_id=insert("user_references")["id"], **values)


@pytest.mark.parametrize("chain", EVM_CHAINS)
@pytest.mark.parametrize("address", [EVM, "0x" + "0" * 40, EVM.lower()])
def test_an_evm_address_is_accepted(chain: str, address: str) -> None:
    wallet(chain=chain, address=address).full_clean()


@pytest.mark.parametrize("chain", EVM_CHAINS)
@pytest.mark.parametrize("address", [EVM[:-1], EVM + "0", EVM[2:], EVM[:-1] + "g", "0X" + EVM[2:], EVM + "\n", SOLANA])
def test_another_address_is_refused_on_an_evm_chain(chain: str, address: str) -> None:
    assert complaints(wallet(chain=chain, address=address)) == {
        "address": [f"An address on {chain} is 0x and 40 hexadecimal digits."]
    }


@pytest.mark.parametrize("address", [SOLANA, "1" * 32, "z" * 44])
def test_a_solana_address_is_accepted(address: str) -> None:
    wallet(chain="solana", address=address).full_clean()


@pytest.mark.parametrize("address", ["1" * 31, "1" * 45, "0" * 40, "O" * 40, "I" * 40, "l" * 40, SOLANA + "\n", EVM])
def test_another_address_is_refused_on_solana(address: str) -> None:
    (said,) = complaints(wallet(chain="solana", address=address))["address"]

    assert said.startswith("An address on solana is 32 to 44 base58 characters")


@pytest.mark.parametrize(
    ("address", "said"), [("", "This field cannot be blank."), (None, "This field cannot be null.")]
)
def test_an_address_is_asked_for(address: str | None, said: str) -> None:
    assert complaints(wallet(chain="base", address=address)) == {"address": [said]}


def twin(model: type[models.Model], table: str, **values: Any) -> models.Model:
    """Insert a row and return an unsaved instance with the same values in the columns named."""
    row = insert(table, **{name: value for name, value in values.items() if value is not Ellipsis})
    return model(**{name: row[name] for name in values})


@pytest.mark.parametrize(
    ("model", "table", "values", "message"),
    [
        (
            UserReference,
            "user_references",
            {"source_identifier": "ada", "network": "email"},
            "There is an active user with this source identifier on this network already.",
        ),
        (
            UserReference,
            "user_references",
            {"network": "oauth", "email": "ada@example.org"},
            "There is an active user with this e-mail address already.",
        ),
        (
            Wallet,
            "wallets",
            {"user_id": ..., "chain": "base", "address": EVM},
            "This address is connected on this chain already (in upper or lower case).",
        ),
        (
            Wallet,
            "wallets",
            {"user_id": ..., "chain": "solana", "address": SOLANA},
            "This address is connected on this chain already.",
        ),
        (
            Review,
            "crossroads_reviews",
            {"listing_id": ..., "reviewer_wallet": "ada", "rating": 1},
            "This wallet has reviewed this listing already.",
        ),
        (
            Purchase,
            "crossroads_purchases",
            {"listing_id": ..., "buyer_wallet": "ada", "price_paid_lamports": 1, "tx_signature": "s"},
            "There is a purchase with this transaction signature already.",
        ),
        (
            AgentApiKey,
            "agent_api_keys",
            {"agent_name": "scribe", "provider": "groq", "secret": b"x"},
            "This agent has a key of this provider already; rotate that one.",
        ),
    ],
)
def test_what_is_there_already_is_named(
    model: type[models.Model], table: str, values: dict[str, Any], message: str
) -> None:
    assert complaints(twin(model, table, **values))["__all__"] == [message]


def test_an_evm_address_in_other_letters_is_there_already() -> None:
    insert("wallets", chain="base", address=EVM)

    said = complaints(wallet(chain="base", address=EVM.lower()))

    assert said == {"__all__": ["This address is connected on this chain already (in upper or lower case)."]}


def test_a_second_primary_wallet_is_refused() -> None:
    first = insert("wallets", is_primary=True)

    said = complaints(Wallet(user_id=first["user_id"], chain="base", address=EVM, is_primary=True))

    assert said == {"__all__": ["This user has a primary wallet already."]}


@pytest.mark.parametrize("source_type", [{"type": "oauth"}, {"type": "x", "provider": "y"}, ["oauth"], "oauth"])
def test_a_source_type_without_its_key_is_explained(source_type: Any) -> None:
    (said,) = complaints(UserReference(source_identifier="a", network="b", source_type=source_type))["__all__"]

    assert said.startswith('The source type must be a JSON object whose "type" is web3_wallet')


def test_a_session_that_ends_before_it_begins_is_refused() -> None:
    session = AuthSession(
        user_id=insert("user_references")["id"], token_hash="a" * 64, expires_at=timezone.now() - timedelta(hours=1)
    )

    assert complaints(session) == {"__all__": ["A session must expire after it was created."]}


@pytest.mark.parametrize("rating", [0, 6])
def test_a_rating_is_1_to_5(rating: int) -> None:
    listing = insert("crossroads_listings")["id"]

    assert "rating" in complaints(Review(listing_id=listing, reviewer_wallet="ada", rating=rating))


def test_a_listing_knows_after_saving_what_the_database_made_of_it() -> None:
    listing = Listing.objects.create(listing_type="tool", title="Weather", author="ada", price_lamports=5)

    assert (listing.is_free, listing.total_ratings) == (False, 0)
    assert listing.created_at is not None


def test_saving_a_listing_read_long_ago_leaves_its_rating_true() -> None:
    listing = Listing.objects.get(pk=insert("crossroads_listings")["id"])
    insert("crossroads_reviews", listing_id=listing.pk, rating=5)

    listing.title = "Weather"
    listing.save()
    listing.refresh_from_db()

    assert (listing.rating, listing.total_ratings) == (5, 1)


@pytest.mark.parametrize(
    ("values", "active"),
    [
        ({}, True),
        ({"revoked_at": timezone.now()}, False),
        ({"created_at": timezone.now() - timedelta(2), "expires_at": timezone.now() - timedelta(1)}, False),
    ],
    ids=["open", "revoked", "expired"],
)
def test_a_session_is_active_until_it_is_revoked_or_expires(values: dict[str, Any], active: bool) -> None:
    session = AuthSession.objects.get(pk=insert("sessions", **values)["id"])

    assert session.is_active is active
    assert AuthSession.objects.active().exists() is active


def test_people_read_names_and_not_numbers() -> None:
    user = insert("user_references", source_identifier="ada", network="email")
    execute("UPDATE user_references SET is_active = false WHERE id = %s", user["id"])

    assert str(UserReference.objects.get()) == "ada (email)"
    assert str(Wallet(address=EVM, chain="base")) == f"{EVM} (base)"
    assert str(Listing(title="Weather", version="1.0.0")) == "Weather 1.0.0"
