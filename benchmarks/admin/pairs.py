"""The pairs of filters that people use together: each value of the one with each of the other is a page.

One turns to the next, previous and last page of those of the first and last values.
"""

#: By model: two parameters of the list's address, by their beginning; "q" is the search.
PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "agents_app.Task": (
        ("status", "created_at"),
        ("assigned_agent", "status"),
        ("assigned_agent", "state"),
        ("user", "status"),
        ("user", "created_at"),
        ("assigned_agent", "created_at"),
        ("task_type", "status"),
        ("priority", "status"),
    ),
    "agents_app.Engram": (("engram_type", "wallet"), ("engram_type", "is_public"), ("engram_type", "tag")),
    "erebus_app.UserReference": (("user_type", "is_active"), ("network", "created_at")),
    "erebus_app.AuthSession": (("state", "created_at"),),
    "erebus_app.Wallet": (("chain", "verified"),),
    "erebus_app.Listing": (("status", "listing_type"), ("status", "q")),
}
