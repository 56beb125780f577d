"""Rows by the million: a small sample, and copies of it that PostgreSQL makes in a fraction of the time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg

from benchmarks.pair import manage, run, session, value

#: Of each kind so many at most are made one by one; what is beyond is copied.
SAMPLE = 10_000
#: From here on there is room for the rows that are heavier than those of the sample.
HEAVY_FROM = 5_000

# What follows is SQL about `t`, a row that is copied, and `n`, the number of its copy in this step. The same is made
# of the same everywhere, so that a copy refers to copies without a join.
_STEP = "(%(rows)s::text || '-' || n::text)"
_ANOTHER_TEXT = f"""CASE
    WHEN {{0}} ~ '^0x[0-9a-fA-F]{{{{40}}}}$' THEN '0x' || left(encode(sha256(({{0}} || {_STEP})::bytea), 'hex'), 40)
    WHEN {{0}} ~ '^[1-9A-HJ-NP-Za-km-z]{{{{32,44}}}}$'
        THEN translate(left(encode(sha256(({{0}} || {_STEP})::bytea), 'hex'), 44), '0', 'z')
    WHEN strpos({{0}}, '@') > 0 THEN replace({{0}}, '@', '.' || {_STEP} || '@')
    ELSE {{0}} || '.' || {_STEP} END"""


def _id(column: str) -> str:
    """Return the id of the copy of the row that has the id in `column`."""
    return f"md5({column}::text || {_STEP})::uuid"


def _text(column: str) -> str:
    """Return an address, e-mail address or name of the same shape that no other row has."""
    return _ANOTHER_TEXT.format(column)


@dataclass(frozen=True)
class Table:
    """A table, its column that says whose the row is, and its columns that are not copied as they are.

    Columns that are left out get their defaults; all times of a row are moved by the same.
    """

    name: str
    key: str
    changed: dict[str, str]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What there are to be so many of, and the tables of what belongs to each, in which there is more in proportion."""

    alias: str
    tables: tuple[Table, ...]

    @property
    def name(self) -> str:
        return self.tables[0].name


_USERS = Kind(
    "erebus",
    (
        Table(
            "user_references",
            "id",
            {"id": _id("t.id"), "source_identifier": _text("t.source_identifier"), "email": _text("t.email")},
        ),
        Table("wallets", "user_id", {c: _id(f"t.{c}") for c in ("id", "user_id")} | {"address": _text("t.address")}),
        Table(
            "sessions",
            "user_id",
            {c: _id(f"t.{c}") for c in ("id", "user_id", "wallet_id")}
            | {"token_hash": f"encode(sha256((t.token_hash || {_STEP})::bytea), 'hex')"},
        ),
    ),
)
_TASKS = Kind(
    "agents",
    (
        Table(
            "tasks",
            "id",
            {c: _id(f"t.{c}") for c in ("id", "context_id")}
            | {
                "source_identifier": _text("t.source_identifier"),
                "user_id": "CASE WHEN n <= %(user_copies)s + (t.user_id < %(user_beyond)s)::int "
                f"THEN {_id('t.user_id')} ELSE t.user_id END",
            },
        ),
        Table("task_transitions", "task_id", {"task_id": _id("t.task_id")}, left_out=("id",)),
    ),
)
_ENGRAMS = Kind(
    "agents",
    (
        Table(
            "engrams",
            "id",
            {
                "id": _id("t.id"),
                "wallet_address": _text("t.wallet_address"),
                # Of the copy that is not whole each has the parent that the original has: it is surely there.
                "parent_id": f"CASE WHEN n <= %(copies)s THEN {_id('t.parent_id')} ELSE t.parent_id END",
                "lineage_root_id": "CASE WHEN n <= %(copies)s OR t.lineage_root_id = t.id "
                f"THEN {_id('t.lineage_root_id')} ELSE t.lineage_root_id END",
            },
        ),
        Table("engram_history", "engram_id", {c: _id(f"t.{c}") for c in ("id", "engram_id")}),
    ),
)
_KINDS = (_USERS, _TASKS, _ENGRAMS)


@dataclass(frozen=True)
class Share:
    """How many whole copies are made of the rows of a kind, and below which id a row has one more."""

    copies: int
    beyond: Any


def grow(rows: int) -> None:
    """Bring the pair to so many users, tasks and engrams, with what belongs to them, in step, and vacuumed.

    Raises ValueError if there are more or none of one of them, RuntimeError if they have not become so many.
    """
    if not any(_counts().values()):
        _begin(min(rows, SAMPLE))
    if set(_counts().values()) != {rows}:
        _multiply(rows)
    vacuum()
    # Nothing is left to be written while something is measured.
    _on_both("CHECKPOINT")
    beside = {**_counts(), "user_references of agents": value("agents", "SELECT count(*) FROM user_references")}
    if wrong := {name: count for name, count in beside.items() if count != rows}:
        raise RuntimeError(f"{rows:,} rows were asked for, and there are {wrong}")


def vacuum() -> None:
    """Give the planner statistics, and the index-only scans their visibility map."""
    _on_both("VACUUM (ANALYZE)")


def _on_both(statement: str) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(run, statement=statement), ("erebus", "agents")))


def _counts() -> dict[str, int]:
    return {kind.name: value(kind.alias, f"SELECT count(*) FROM {kind.name}") for kind in _KINDS}


def _begin(rows: int) -> None:
    from benchmarks.admin.weights import ENGRAMS, write_heavy_rows

    is_heavy = rows >= HEAVY_FROM
    engrams = rows - ENGRAMS if is_heavy else rows
    manage("sample_data", "--users", rows, "--tasks", rows, "--engrams", engrams)
    if is_heavy:
        write_heavy_rows()
    manage("replication", "wait", "--timeout", "600")


def _multiply(rows: int) -> None:
    """Copy what is there until there is enough of each, without replication, which then copies the whole table."""
    from django.db import connections

    from nullstore.replication.declared import declared
    from nullstore.replication.fence import wait_until_replicated
    from nullstore.replication.subscriptions import drop_subscription, ensure_subscription

    shares = {kind.name: _share(kind, rows) for kind in _KINDS}
    declaration = declared()
    spec = declaration.subscription
    assert spec is not None
    drop_subscription(connections["agents"], spec)
    try:
        _empty_replica()
        _copy_all(rows, shares)
    finally:
        ensure_subscription(connections["agents"], spec, lineage=declaration.subscription_lineage)
    wait_until_replicated(timeout=3600)
    connections.close_all()


def _share(kind: Kind, rows: int) -> Share:
    there = value(kind.alias, f"SELECT count(*) FROM {kind.name}")
    if not 0 < there <= rows:
        raise ValueError(f"{kind.name} in {kind.alias} has {there:,} rows; of them {rows:,} cannot be made")
    copies, more = divmod(rows - there, there)
    return Share(copies, value(kind.alias, f"SELECT id FROM {kind.name} ORDER BY id OFFSET {more} LIMIT 1"))


def _empty_replica() -> None:
    from nullstore.replication.guard import LIFT_GUARD

    with closing(session("agents")) as connection, connection.transaction():
        connection.execute(LIFT_GUARD)
        connection.execute("TRUNCATE user_references")


def _copy_all(rows: int, shares: dict[str, Share]) -> None:
    """Copy the kinds at once, each in a transaction of its own. An interrupted one leaves nothing."""
    users = shares[_USERS.name]
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(session(kind.alias))) for kind in _KINDS]
        pool = stack.enter_context(ThreadPoolExecutor())
        copying = []
        for connection, kind in zip(sessions, _KINDS, strict=True):
            share = shares[kind.name]
            params = {
                "rows": rows,
                "copies": share.copies,
                "beyond": share.beyond,
                "user_copies": users.copies,
                "user_beyond": users.beyond,
            }
            copying.append(pool.submit(_copy, connection, kind, params))
        try:
            for each in copying:
                each.result()
        except BaseException:
            for connection in sessions:
                connection.cancel()
            raise


def _copy(connection: psycopg.Connection, kind: Kind, params: dict[str, Any]) -> None:
    from nullstore.replication.bulk import indexes_after

    with connection.transaction():
        # As replication writes: no trigger of ours acts, and no foreign key is looked up. The rows bear what triggers
        # would have kept. A scan that begins elsewhere would bring them out of the order of their times.
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("SET LOCAL synchronize_seqscans = off")
        connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for table in kind.tables:
            with indexes_after(connection, table.name):
                connection.execute(_statement(connection, table), params)


def _statement(connection: psycopg.Connection, table: Table) -> str:
    columns = connection.execute(
        "SELECT attname, atttypid = 'timestamptz'::regtype FROM pg_attribute WHERE attrelid = %s::regclass "
        "AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> ALL (%s)",
        [table.name, list(table.left_out)],
    ).fetchall()
    # By up to nine hours into the past, so that there are rows of every minute, and none of the future.
    moved = f"t.{{}} - interval '1 second' * (uuid_hash_extended(t.{table.key}, %(rows)s::bigint + n) & 32767)"
    values = [table.changed.get(name) or (moved if is_time else "t.{}").format(name) for name, is_time in columns]
    return f"""
        INSERT INTO {table.name} ({", ".join(name for name, _ in columns)})
        SELECT {", ".join(values)}
        FROM {table.name} AS t, generate_series(1, %(copies)s + (t.{table.key} < %(beyond)s)::int) AS n
    """
