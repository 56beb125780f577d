"""Rows of the database `erebus` by bare SQL, as psql and services in other languages write them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from psycopg import sql
from psycopg.errors import Diagnostic

_serial = count(1)


def serial(template: str) -> Callable[[], str]:
    """Return a maker of texts that differ: `template` with the next number."""
    return lambda: template.format(next(_serial))


def parent(table: str) -> Callable[[], Any]:
    """Return a maker of rows of `table`, which gives their id."""
    return lambda: insert(table)["id"]


def constant(value: Any) -> Callable[[], Any]:
    return lambda: value


#: The columns without a default, by table: all that a writer must name.
REQUIRED: dict[str, dict[str, Callable[[], Any]]] = {
    "user_references": {"source_identifier": serial("user-{}"), "network": constant("email")},
    "wallets": {
        "user_id": parent("user_references"),
        "address": serial("0x{:040x}"),
        "chain": constant("ethereum"),
    },
    "sessions": {
        "user_id": parent("user_references"),
        "token_hash": serial("{:064x}"),
        "expires_at": lambda: datetime.now(UTC) + timedelta(days=1),
    },
    "agent_api_keys": {
        "agent_name": serial("agent-{}"),
        "provider": constant("openai"),
        "secret": constant(b"ciphertext"),
    },
    "secret_access_log": {
        "api_key_id": constant("00000000-0000-4000-8000-000000000000"),
        "agent_name": constant("scribe"),
        "provider": constant("openai"),
        "action": constant("revealed"),
        "actor": constant("ada"),
    },
    "verification_runs": {"requested_by": constant("ada"), "state": constant("running")},
    "crossroads_listings": {
        "listing_type": constant("agent"),
        "title": serial("Listing {}"),
        "author": constant("ada"),
    },
    "crossroads_listing_versions": {"listing_id": parent("crossroads_listings"), "version": constant("1.0.0")},
    "crossroads_reviews": {
        "listing_id": parent("crossroads_listings"),
        "reviewer_wallet": serial("wallet-{}"),
        "rating": constant(4),
    },
    "crossroads_favorites": {"listing_id": parent("crossroads_listings"), "wallet_address": serial("wallet-{}")},
    "crossroads_purchases": {
        "listing_id": parent("crossroads_listings"),
        "buyer_wallet": serial("wallet-{}"),
        "price_paid_lamports": constant(5),
    },
    "crossroads_deployments": {
        "listing_id": parent("crossroads_listings"),
        "deployer_wallet": serial("wallet-{}"),
        "status": constant("running"),
    },
}


def execute(statement: str | sql.Composable, *params: Any) -> list[dict[str, Any]]:
    """Run one statement on erebus and return its rows."""
    with connections["erebus"].cursor() as cursor:
        cursor.execute(statement, params)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def insert_statement(table: str, columns: list[str]) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )


def insert(table: str, /, **given: Any) -> dict[str, Any]:
    """Insert a row that names the required columns and those given; return all its columns."""
    makers = {column: constant(value) for column, value in given.items()}
    values = {column: make() for column, make in {**REQUIRED[table], **makers}.items()}
    (row,) = execute(insert_statement(table, list(values)), *values.values())
    return row


def get(table: str, key: Any) -> dict[str, Any]:
    """Return the row of `table` with this id."""
    (row,) = execute(sql.SQL("SELECT * FROM {} WHERE id = %s").format(sql.Identifier(table)), key)
    return row


def total(table: str) -> int:
    """Return how many rows `table` has."""
    (row,) = execute(sql.SQL("SELECT count(*) AS total FROM {}").format(sql.Identifier(table)))
    return row["total"]


def refusal(action: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Diagnostic:
    """Do what the database must refuse, and return what it says: sqlstate, constraint_name, message_primary, ..."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(using="erebus"):
        action(*args, **kwargs)
    return caught.value.__cause__.diag
