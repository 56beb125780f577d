"""What agents knows of a user, by plain queries: the engrams of his wallets, and the copy of his row."""

from typing import Any, Final

from django.apps import apps

from erebus_app.models import UserReference, Wallet
from erebus_app.validators import EVM_CHAINS
from nullstore.admin.comparison import comparison_section
from nullstore.admin.lists.columns import heavy_fields
from nullstore.admin.neighbours import first_of
from nullstore.admin.sections import Section
from nullstore.databases import AGENTS

ENGRAM: Final = "agents_app.Engram"
#: Of so many wallets the engrams are looked for; few users have more than two.
WALLETS: Final = 20


def engrams_section(user_id: Any) -> Section:
    """Return the section with engrams of the user's wallets."""
    model = apps.get_model(ENGRAM)

    def load() -> dict[str, Any]:
        wallets = list(Wallet.objects.filter(user_id=user_id).order_by("-is_primary", "created_at")[:WALLETS])
        # In the order of their unique index: a wallet may have any number of engrams.
        spellings = _spellings(wallets)
        engrams = model._default_manager.filter(wallet_address__in=spellings).defer(*heavy_fields(model))
        found = first_of(engrams.order_by("wallet_address", "key"))
        # Where these are all, it is known which of the spellings have any.
        addresses = spellings if found["more"] else sorted({engram.wallet_address for engram in found["rows"]})
        return {**found, "wallets": wallets, "addresses": addresses, "label": ENGRAM}

    template = "admin/erebus_app/userreference/engrams.html"
    return Section("Engrams of the wallets", template, load, "engrams", AGENTS)


def _spellings(wallets: list[Wallet]) -> list[str]:
    """Return the addresses as engrams may spell them: agents compares them to the letter.

    On an EVM chain case means nothing; services write the address as it was connected, or in lower case.
    """
    evm = [wallet.address.lower() for wallet in wallets if wallet.chain in EVM_CHAINS]
    return sorted({*evm, *(wallet.address for wallet in wallets)})


def replica_section(user_id: Any) -> Section:
    """Return the section that compares the user with his copy."""
    replica = apps.get_model("agents_app.UserReference")
    return comparison_section("The copy in agents", UserReference, replica, user_id, other=AGENTS)
