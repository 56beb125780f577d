"""Bare SQL for tests: what psql or a service in another language sends, without Django's models."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction


class BareSQL:
    """One database, inside the test's transaction."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Execute and return the number of rows it touched."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.rowcount

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connections[self.alias].cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.fetchall()

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        ((value,),) = self.rows(sql, params)
        return value

    @staticmethod
    def insertion(table: str, columns: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The INSERT of a row that names just these columns, and its values; dictionaries become JSON."""
        names = ", ".join(columns)
        marks = ", ".join(["%s"] * len(columns))
        values = [json.dumps(value) if isinstance(value, dict) else value for value in columns.values()]
        return f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", values

    def insert(self, table: str, **columns: Any) -> Any:
        """Insert a row that names just these columns; return its id."""
        return self.value(*self.insertion(table, columns))

    def record(self, table: str, key: Any) -> dict[str, Any]:
        """The row as JSON has it: uuids and timestamps are text."""
        return json.loads(self.value(f"SELECT to_jsonb(t) FROM {table} AS t WHERE id = %s", [key]))

    def now(self) -> str:
        """now() of the test's transaction, as record() writes it."""
        return json.loads(self.value("SELECT to_jsonb(now())"))

    def refusal(self, sql: str, params: Sequence[Any] = ()) -> psycopg.errors.Diagnostic:
        """Execute what must fail; return what PostgreSQL said. The transaction goes on."""
        with pytest.raises(DatabaseError) as caught, transaction.atomic(using=self.alias):
            self.run(sql, params)
        assert isinstance(caught.value.__cause__, psycopg.Error)
        return caught.value.__cause__.diag
