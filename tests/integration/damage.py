"""What tests of the comparison share: users in bulk, damage behind the guard, and writers that go on meanwhile."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import transaction

from nullstore.replication.compare.results import Verification
from nullstore.replication.connect import connect
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.guard import LIFT_GUARD
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT

Found = set[tuple[str, str, tuple[str, ...]]]


def add_users(count: int) -> list[str]:
    """Insert users into erebus and wait for them in agents; return their ids."""
    rows = EREBUS_SQL.rows(
        "INSERT INTO user_references (source_identifier, network, metadata) "
        "SELECT 'user ' || n, 'email', jsonb_build_object('n', n) FROM generate_series(1, %s) AS n RETURNING id::text",
        [count],
    )
    wait_until_replicated(TIMEOUT)
    return [key for (key,) in rows]


def behind_the_guard(statement: str, params: list[Any] | None = None) -> int:
    """Execute on the replica as its owner can, in one transaction; return how many rows it touched."""
    with transaction.atomic(using="agents"):
        AGENTS_SQL.run(LIFT_GUARD)
        return AGENTS_SQL.run(statement, params or [])


def damage(keys: list[str]) -> Found:
    """Change 10 of these users in the replica, remove 10, add 10; return what has to be found."""
    changed, removed = sorted(keys)[:10], sorted(keys)[10:20]
    assert behind_the_guard("UPDATE user_references SET email = 'x@example.org' WHERE id = ANY (%s::uuid[])", [changed])
    assert behind_the_guard("DELETE FROM user_references WHERE id = ANY (%s::uuid[])", [removed]) == 10
    behind_the_guard(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'intruder ' || n, 'email' FROM generate_series(1, 10) AS n"
    )
    added = AGENTS_SQL.rows("SELECT id::text FROM user_references WHERE source_identifier LIKE 'intruder %%'")
    return {
        *((key, "different", ("email",)) for key in changed),
        *((key, "missing", ()) for key in removed),
        *((key, "extra", ()) for (key,) in added),
    }


def remove_intruders() -> None:
    """Delete the users of the replica that the source does not have: emptying the source leaves them."""
    keys = [key for (key,) in EREBUS_SQL.rows("SELECT id FROM user_references")]
    behind_the_guard("DELETE FROM user_references WHERE id <> ALL (%s::uuid[])", [keys])


def found(verification: Verification) -> Found:
    return {(difference.id, difference.what, difference.columns) for difference in verification.differences}


@dataclass
class Writer:
    """Inserts, updates and deletes users of erebus as fast as it can; rewrites one user without end."""

    connection: psycopg.Connection
    writes: int = 0
    failed: list[BaseException] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            hot = self._add("hot")
            for number in itertools.count():
                if self.ended.is_set():
                    return
                key = self._add(f"writer {number}")
                for _ in range(5):
                    self._update(hot)
                    self._update(key)
                if number % 2:
                    self.connection.execute("DELETE FROM user_references WHERE id = %s", [key])
                self.writes += 12
        except psycopg.Error as error:
            self.failed.append(error)

    def _add(self, name: str) -> Any:
        row = self.connection.execute(
            "INSERT INTO user_references (source_identifier, network) VALUES (%s, 'email') RETURNING id", [name]
        ).fetchone()
        assert row is not None
        return row[0]

    def _update(self, key: Any) -> None:
        self.connection.execute(
            "UPDATE user_references SET metadata = jsonb_build_object('at', clock_timestamp()) WHERE id = %s", [key]
        )


@contextmanager
def writing() -> Iterator[Writer]:
    """Have a Writer at work during the block; at the end it must have written, without any error."""
    with connect("erebus") as connection:
        writer = Writer(connection)
        thread = threading.Thread(target=writer.run)
        thread.start()
        try:
            yield writer
        finally:
            writer.ended.set()
            thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert writer.failed == []
    assert writer.writes > 0
