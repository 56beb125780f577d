"""What tests of manage.py sample_data share."""

import io
import json
from typing import Any

from django.core.management import call_command

from nullstore.databases import AGENTS, ALIASES, EREBUS
from tests.integration.baresql import BareSQL

SMALL = ("--users", "60", "--tasks", "150", "--engrams", "90")
SQL = {alias: BareSQL(alias) for alias in ALIASES}
FILLED = {
    EREBUS: {
        "user_references",
        "wallets",
        "sessions",
        "agent_api_keys",
        "crossroads_listings",
        "crossroads_listing_versions",
        "crossroads_reviews",
        "crossroads_favorites",
        "crossroads_purchases",
        "crossroads_deployments",
    },
    AGENTS: {"agents", "tasks", "task_transitions", "engrams", "engram_history"},
}


def sample_data(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("sample_data", *arguments, "--json", stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def counts() -> dict[str, dict[str, int]]:
    """How many rows the tables have that sample_data fills, by alias and table, without the empty ones."""
    found = {
        alias: {table: SQL[alias].value(f"SELECT count(*) FROM {table}") for table in tables}
        for alias, tables in FILLED.items()
    }
    return {alias: {table: count for table, count in tables.items() if count} for alias, tables in found.items()}


def ids(alias: str, table: str) -> list[tuple[Any]]:
    return SQL[alias].rows(f"SELECT id FROM {table} ORDER BY id")


def how_many(alias: str, *queries: str) -> list[int]:
    """Count the rows of each query, which is given from FROM on."""
    return [SQL[alias].value(f"SELECT count(*) FROM {query}") for query in queries]
