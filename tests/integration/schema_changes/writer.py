"""Somebody who writes while the table is changed."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from nullstore.replication.connect import connect
from tests.integration.replicas import TIMEOUT


class Writer(threading.Thread):
    """Inserts, changes and deletes users, some hundred in a second, until told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.error: BaseException | None = None
        self._stop_asked = threading.Event()

    def run(self) -> None:
        try:
            with connect("erebus") as connection:
                for number in itertools.count():
                    if self._stop_asked.is_set():
                        return
                    self._write(connection, number)
                    self.writes += 1
                    self._stop_asked.wait(0.002)
        except BaseException as error:
            self.error = error

    def _write(self, connection: psycopg.Connection, number: int) -> None:
        try:
            connection.execute(
                "INSERT INTO user_references (source_identifier, network, extra) VALUES (%s, 'email', '7')",
                [f"writer-{number}"],
            )
        except (psycopg.errors.UndefinedColumn, psycopg.errors.DatatypeMismatch):
            connection.execute(
                "INSERT INTO user_references (source_identifier, network) VALUES (%s, 'email')", [f"writer-{number}"]
            )
        changed = ("UPDATE user_references SET metadata = %s WHERE source_identifier = %s", [f'"{number}"'])
        connection.execute(changed[0], [*changed[1], f"writer-{number // 2}"])
        if number % 7 == 0:
            connection.execute("DELETE FROM user_references WHERE source_identifier = %s", [f"writer-{number // 3}"])

    def wait_for_writes(self, count: int) -> None:
        """Return when that many more have been made; fail if it has ended."""
        target = self.writes + count
        while self.writes < target:
            assert self.is_alive(), f"the writer has ended: {self.error}"
            threading.Event().wait(0.001)

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(TIMEOUT)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


@contextmanager
def writing() -> Iterator[Writer]:
    """A writer that is at work before, while and after the block runs."""
    writer = Writer()
    writer.start()
    try:
        writer.wait_for_writes(20)
        yield writer
        writer.wait_for_writes(20)
    finally:
        writer.stop()
