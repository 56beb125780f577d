"""The tables of the database `erebus`, a module per subject."""

from erebus_app.models.commerce import Deployment, Purchase
from erebus_app.models.keys import AgentApiKey, SecretAccessLog
from erebus_app.models.listings import Listing, ListingVersion
from erebus_app.models.reviews import Favorite, Review
from erebus_app.models.sessions import AuthSession
from erebus_app.models.users import UserReference
from erebus_app.models.verification import VerificationRun
from erebus_app.models.wallets import Wallet

__all__ = [
    "AgentApiKey",
    "AuthSession",
    "Deployment",
    "Favorite",
    "Listing",
    "ListingVersion",
    "Purchase",
    "Review",
    "SecretAccessLog",
    "UserReference",
    "VerificationRun",
    "Wallet",
]
