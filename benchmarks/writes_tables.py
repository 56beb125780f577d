"""The tables that are written, with rows in them, and beside each a copy without triggers and without our indexes."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.pair import session
from benchmarks.writes_rows import SEED, Made, Rows, make_engrams, make_tasks
from benchmarks.writes_ways import copy_rows

#: What a way is tried on: the table as it is, with our triggers disabled, or the copy.
OURS, OFF, BARE = "with our triggers", "without triggers", "without triggers and indexes"
VARIANTS: Final = (OURS, OFF, BARE)
#: So many times the rows that are written are in the tables: what an index costs shows in one that is not empty.
THERE: Final = 10


@dataclass
class Subject:
    """A table, what is written into it, and how to tell that it was written and what the triggers did with it.

    `on_insert` and `on_update` are queries that count the rows, of those with the ids given, that triggers acted on.
    """

    table: str
    rows: Rows
    update: str
    changes: list[tuple[Any, Any]]
    is_changed: str
    trail: str
    on_insert: str
    on_update: str
    contents: set[int] = field(default_factory=set)

    def target(self, variant: str) -> str:
        return f"bench_bare_{self.table}" if variant == BARE else self.table

    def update_each(self, connection: psycopg.Connection, variant: str) -> None:
        statement = self.update.format(table=self.target(variant))
        with connection.cursor() as cursor:
            for change in self.changes:
                cursor.execute(statement, change)

    def check_insert(self, connection: psycopg.Connection, variant: str) -> None:
        """Raise RuntimeError unless all rows are there as other ways wrote them, and triggers acted as they had to."""
        # The one column that a trigger fills in.
        columns = ", ".join(column for column in self.rows.columns if column != "lineage_root_id")
        query = f"SELECT count(*), bit_xor(hash_record_extended(ROW({columns}), 0)) FROM {self.target(variant)}"
        [(count, content)] = _ask(connection, f"{query} WHERE id = ANY (%s)", self.rows.ids)
        self.contents.add(content)
        [(acted,)] = _ask(connection, self.on_insert, self.rows.ids)
        self._check(variant, count, acted)
        if len(self.contents) > 1:
            raise RuntimeError(f"{self.table}, {variant}: what was written is not what another way wrote")

    def check_update(self, connection: psycopg.Connection, variant: str) -> None:
        """Raise RuntimeError unless all rows are changed, and triggers acted as they had to."""
        ids = [key for _, key in self.changes]
        query = f"SELECT count(*) FROM {self.target(variant)} WHERE id = ANY (%s) AND {self.is_changed}"
        [(count,)] = _ask(connection, query, ids)
        [(acted,)] = _ask(connection, self.on_update, ids)
        self._check(variant, count, acted)

    def _check(self, variant: str, written: int, acted: int) -> None:
        expected = len(self.rows.plain)
        if written != expected or acted != (expected if variant == OURS else 0):
            raise RuntimeError(
                f"{self.table}, {variant}: {written} of {expected} rows written, triggers acted on {acted}"
            )


@contextmanager
def prepared(rows: int) -> Iterator[list[Subject]]:
    """Have both tables and their copies hold THERE times `rows` more rows; nothing of that remains."""
    with _agents() as agents, ExitStack() as stack:
        tasks, engrams = make_tasks(THERE * rows, rows, agents), make_engrams(THERE * rows, rows)
        subjects = [_tasks(tasks), _engrams(engrams)]
        for subject, made in zip(subjects, (tasks, engrams), strict=True):
            stack.enter_context(_filled(subject, made))
        yield subjects


def _tasks(made: Made) -> Subject:
    return Subject(
        table="tasks",
        rows=made.written,
        update="UPDATE {table} SET status = %s WHERE id = %s",
        changes=[("working", key) for key, *_ in made.there[-len(made.written.plain) :]],
        is_changed="status = 'working'",
        trail="task_transitions",
        on_insert="SELECT count(*) FROM task_transitions WHERE task_id = ANY (%s) AND from_status IS NULL",
        on_update="SELECT count(*) FROM task_transitions WHERE task_id = ANY (%s) AND from_status = 'submitted'",
    )


def _engrams(made: Made) -> Subject:
    contents = [row["content"] for row in made.written.named]
    keys = [key for key, *_ in made.there[-len(contents) :]]
    return Subject(
        table="engrams",
        rows=made.written,
        update="UPDATE {table} SET content = %s WHERE id = %s",
        changes=[(Jsonb({**content, "revision": 2}), key) for content, key in zip(contents, keys, strict=True)],
        is_changed="content ? 'revision'",
        trail="engram_history",
        on_insert="SELECT count(lineage_root_id) FROM engrams WHERE id = ANY (%s)",
        on_update="SELECT count(*) FROM engram_history WHERE engram_id = ANY (%s)",
    )


_FOREIGN_KEYS = """
    SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'
"""


@contextmanager
def _filled(subject: Subject, made: Made) -> Iterator[None]:
    bare, ids = subject.target(BARE), [key for key, *_ in made.there]
    try:
        with closing(session("agents")) as connection:
            with _without_triggers(connection):
                copy_rows(connection, subject.table, made.there_columns, made.there)
            _copy_table(connection, subject.table, bare)
            connection.execute(f"VACUUM ANALYZE {subject.table}, {bare}, {subject.trail}")
        yield
    finally:
        with closing(session("agents")) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {bare}")
            with _without_triggers(connection):
                connection.execute(f"DELETE FROM {subject.table} WHERE id = ANY (%s)", [ids])
            connection.execute(f"VACUUM ANALYZE {subject.table}, {subject.trail}")


def _copy_table(connection: psycopg.Connection, table: str, bare: str) -> None:
    """Make the copy with everything but the triggers and the indexes: the foreign keys are checked in both."""
    connection.execute(f"DROP TABLE IF EXISTS {bare}")
    connection.execute(f"CREATE TABLE {bare} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
    connection.execute(f"INSERT INTO {bare} SELECT * FROM {table}")
    connection.execute(f"ALTER TABLE {bare} ADD PRIMARY KEY (id)")
    for (definition,) in connection.execute(_FOREIGN_KEYS, [table]).fetchall():
        connection.execute(
            f"ALTER TABLE {bare} ADD {definition.replace(f'REFERENCES {table}(', f'REFERENCES {bare}(')}"
        )


@contextmanager
def _without_triggers(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction that leaves no trail and checks no foreign keys."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        yield


@contextmanager
def _agents() -> Iterator[dict[str, str]]:
    """Have the agents of the sample there, and yield the id of each by its type; those that are new go again."""
    from nullstore.databases import AGENTS
    from nullstore.sampledata.cast import write_cast
    from nullstore.sampledata.copying import Target

    with closing(session("agents")) as connection:
        before = [key for (key,) in connection.execute("SELECT id FROM agents").fetchall()]
    try:
        yield write_cast(Target(AGENTS, dry_run=False), seed=SEED, now=time.time())
    finally:
        with closing(session("agents")) as connection:
            connection.execute("DELETE FROM agents WHERE id <> ALL (%s::uuid[])", [before])


def _ask(connection: psycopg.Connection, query: str, ids: list[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(query, [ids]).fetchall()
