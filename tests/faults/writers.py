"""Writers that keep a journal of every commit that the server acknowledged, through any fault."""

import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from tests.integration.replicas import wait_for

Connect = Callable[[], psycopg.Connection]
#: What a row may hold: the number that was written last, or None for "is not there".
State = int | None
USERS = "SELECT id, (metadata->>'n')::int FROM user_references WHERE source_identifier LIKE 'writer-%'"
TASKS = "SELECT id, max_retries FROM tasks WHERE name LIKE 'writer-%'"


class Writer(threading.Thread):
    """Inserts, updates and deletes users of its own, one commit each; when the server is away it tries again."""

    def __init__(self, connect: Connect, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.connect = connect
        self.commits = 0
        self.kinds: Counter[str] = Counter()
        self.rows: dict[uuid.UUID, State] = {}
        self.unsure: dict[uuid.UUID, tuple[State, State]] = {}
        self.missed: set[uuid.UUID] = set()
        self.halt = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.halt.is_set():
                try:
                    with self.connect() as connection:
                        self._write(connection)
                except psycopg.OperationalError:
                    self.halt.wait(0.02)
        except BaseException as error:
            self.failure = error

    def _write(self, connection: psycopg.Connection) -> None:
        while not self.halt.is_set():
            number = self.commits + len(self.unsure)
            key, before, after = self.next(number)
            # Until the answer is here both may be true.
            self.rows.pop(key, None)
            self.unsure[key] = (before, after)
            if connection.execute(*self.statement(key, before, after)).rowcount != 1:
                self.missed.add(key)  # an acknowledged row was not there any more
            del self.unsure[key]
            self.rows[key] = after
            self.commits += 1
            self.kinds["inserted" if before is None else "deleted" if after is None else "updated"] += 1
            self.halt.wait(0.002)

    def next(self, number: int) -> tuple[uuid.UUID, State, State]:
        mine = next((key for key, state in self.rows.items() if state is not None), None)
        if mine is None or number % 3 == 0:
            return uuid.uuid4(), None, number
        return mine, self.rows[mine], None if number % 7 == 0 else number

    def statement(self, key: uuid.UUID, before: State, after: State) -> tuple[str, list[Any]]:
        if before is None:
            insert = (
                "INSERT INTO user_references (id, source_identifier, network, metadata) "
                "VALUES (%s, %s, 'email', jsonb_build_object('n', %s::int))"
            )
            return insert, [key, f"{self.name}-{key}", after]
        if after is None:
            return "DELETE FROM user_references WHERE id = %s", [key]
        update = "UPDATE user_references SET metadata = jsonb_build_object('n', %s::int) WHERE id = %s"
        return update, [after, key]


class TaskWriter(Writer):
    """The same with tasks, each of which names one of `users`."""

    def __init__(self, connect: Connect, name: str, users: Sequence[uuid.UUID]) -> None:
        super().__init__(connect, name)
        self.users = itertools.cycle(users)

    def statement(self, key: uuid.UUID, before: State, after: State) -> tuple[str, list[Any]]:
        if before is None:
            insert = "INSERT INTO tasks (id, name, user_id, max_retries) VALUES (%s, %s, %s, %s)"
            return insert, [key, f"{self.name}-{key}", next(self.users), after]
        if after is None:
            return "DELETE FROM tasks WHERE id = %s", [key]
        return "UPDATE tasks SET max_retries = %s WHERE id = %s", [after, key]


class TaskUpdater(TaskWriter):
    """Updates tasks that are there, over and over; they hold 3, which is the default of max_retries."""

    def __init__(self, connect: Connect, tasks: Sequence[uuid.UUID]) -> None:
        super().__init__(connect, "updater", [])
        self.tasks = itertools.cycle(tasks)
        self.rows = dict.fromkeys(tasks, 3)

    def next(self, number: int) -> tuple[uuid.UUID, State, State]:
        key = next(self.tasks)
        return key, self.rows[key], number


@dataclass(frozen=True)
class Account:
    """What a comparison with the journal found, a line for each row: acknowledged commits of which an older state or
    nothing is there, and rows beyond what was written.
    """

    lost: list[str]
    beyond: list[str]


class Journal:
    """What several writers know together."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self.writers = writers

    @property
    def commits(self) -> int:
        """The commits acknowledged so far."""
        return sum(writer.commits for writer in self.writers)

    def wait_for_commits(self, more: int = 30) -> None:
        """Wait until every writer has got through that many times more."""
        goals = [(writer, writer.commits + more) for writer in self.writers]
        wait_for(lambda: any(writer.failure for writer in self.writers) or all(w.commits >= n for w, n in goals))
        self._raise()

    def stop(self) -> None:
        for writer in self.writers:
            writer.halt.set()
        for writer in self.writers:
            writer.join(30)
            assert not writer.is_alive()
        self._raise()

    def check(self, source: psycopg.Connection, query: LiteralString = USERS) -> None:
        """Assert that the source holds exactly what was acknowledged; the unacknowledged last ones may be either."""
        assert all(writer.commits for writer in self.writers)
        assert self.account(source, query) == Account([], [])

    def account(self, source: psycopg.Connection, query: LiteralString = USERS) -> Account:
        """Compare what the source holds with what was acknowledged, of writers that have ended."""
        rows: list[tuple[uuid.UUID, State]] = source.execute(query).fetchall()
        found = dict(rows)
        lost = []
        for writer in self.writers:
            either = writer.unsure | {key: (state, state) for key, state in writer.rows.items()}
            for key, states in either.items():
                holds = found.pop(key, None)
                if holds not in states or key in writer.missed:
                    lost.append(f"{writer.name}: {key} holds {holds}, not {states[1]}")
        twice = [f"{key} is there {times} times" for key, times in Counter(key for key, _ in rows).items() if times > 1]
        return Account(lost, twice + [f"{key} was never written" for key in found])

    def _raise(self) -> None:
        for writer in self.writers:
            if writer.failure:
                raise writer.failure


@contextmanager
def writing(*writers: Writer) -> Iterator[Journal]:
    """Let the writers write for as long as the block lasts; they are in full swing when it begins."""
    journal = Journal(writers)
    for writer in writers:
        writer.start()
    try:
        journal.wait_for_commits()
        yield journal
    finally:
        journal.stop()
