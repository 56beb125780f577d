"""The admin of the tables in `erebus`, a module per subject."""

from erebus_app.admin import commerce, keys, listings, reviews, sessions, users, verification, wallets

__all__ = ["commerce", "keys", "listings", "reviews", "sessions", "users", "verification", "wallets"]
