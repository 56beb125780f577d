"""Which rows to open: of each table the last by its key, one from the middle, and the heaviest that there are."""

from collections.abc import Iterator
from typing import Any

from django.db import connections, models, router

from benchmarks.admin.values import query

#: What makes a row heavy, and a statement on the database named that returns the key of the heaviest one.
HEAVIEST: dict[str, dict[str, tuple[str, str]]] = {
    "agents_app.Task": {
        # The stored size is read without the document itself.
        "longest history": ("agents", "SELECT id FROM tasks ORDER BY pg_column_size(history) DESC LIMIT 1"),
        "most transitions": (
            "agents",
            "SELECT task_id FROM task_transitions GROUP BY task_id ORDER BY count(*) DESC LIMIT 1",
        ),
        "longest conversation": (
            "agents",
            "SELECT max(id::text) FROM tasks GROUP BY context_id ORDER BY count(*) DESC LIMIT 1",
        ),
    },
    "agents_app.Agent": {
        "most tasks": (
            "agents",
            "SELECT assigned_agent_id FROM tasks WHERE assigned_agent_id IS NOT NULL "
            "GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        ),
    },
    "agents_app.Engram": {
        "most versions": (
            "agents",
            "SELECT engram_id FROM engram_history GROUP BY engram_id ORDER BY count(*) DESC LIMIT 1",
        ),
        "most forks": (
            "agents",
            "SELECT parent_id FROM engrams WHERE parent_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        ),
        "longest lineage": (
            "agents",
            "SELECT id FROM engrams WHERE key LIKE 'heavy.line.n%' ORDER BY length(key) DESC, key DESC LIMIT 1",
        ),
    },
    **{
        label: {
            "most tasks": (
                "agents",
                "SELECT user_id FROM tasks WHERE user_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
            ),
            "most wallets": ("erebus", "SELECT user_id FROM wallets GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"),
            "most sessions": ("erebus", "SELECT user_id FROM sessions GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"),
        }
        for label in ("erebus_app.UserReference", "agents_app.UserReference")
    },
    "erebus_app.Listing": {
        "most reviews": (
            "erebus",
            "SELECT listing_id FROM crossroads_reviews GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        ),
    },
}


def rows_of(model: type[models.Model]) -> Iterator[tuple[str, Any]]:
    """Yield keys of rows, each once, behind the word for what kind of row it is."""
    seen: set[str] = set()
    for name, key in (*_typical(model), *_heaviest(model)):
        if str(key) not in seen:
            seen.add(str(key))
            yield name, key


def _heaviest(model: type[models.Model]) -> Iterator[tuple[str, Any]]:
    for name, (alias, sql) in HEAVIEST.get(model._meta.label, {}).items():
        yield from ((name, key) for (key,) in query(alias, sql))
    if model._meta.label.endswith(".UserReference"):
        yield from (("most engrams", key) for key in _user_with_most_engrams())


def _user_with_most_engrams() -> Iterator[Any]:
    """Yield one whose wallet it is, of the ten wallets with most engrams."""
    sql = "SELECT wallet_address FROM engrams GROUP BY 1 ORDER BY count(*) DESC LIMIT 10"
    wallets = [wallet for (wallet,) in query("agents", sql)]
    owners = dict(query("erebus", "SELECT address, user_id FROM wallets WHERE address = ANY (%s)", [wallets]))
    yield from [owners[wallet] for wallet in wallets if wallet in owners][:1]


def _typical(model: type[models.Model]) -> Iterator[tuple[str, Any]]:
    """Yield the row with the greatest key, and one from the middle of the keys."""
    alias, key = router.db_for_read(model), model._meta.pk
    table, column = (connections[alias].ops.quote_name(name) for name in (model._meta.db_table, key.column))
    yield from (("last", each) for (each,) in query(alias, f"SELECT {column} FROM {table} ORDER BY 1 DESC LIMIT 1"))
    middle = (
        "'80000000-0000-4000-8000-000000000000'"
        if isinstance(key, models.UUIDField)
        else f"(SELECT (min({column}) + max({column})) / 2 FROM {table})"
    )
    sql = f"SELECT {column} FROM {table} WHERE {column} >= {middle} ORDER BY {column} LIMIT 1"
    yield from (("middle", each) for (each,) in query(alias, sql))
