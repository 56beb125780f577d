"""Rows of the replica that differ from their source, and are put back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks.pair import session

#: Up to so many planted rows are known by their keys.
NAMED = 1000

# Spread evenly over the keys: of all places those at which place * count / rows begins a new whole number.
_PLANT = """
    WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS total
                      FROM user_references),
    changed AS (UPDATE user_references AS t SET metadata = t.metadata || '{"planted": 1}'
                FROM numbered WHERE numbered.id = t.id AND place * %(count)s %% total < %(count)s
                AND jsonb_typeof(t.metadata) = 'object' AND NOT t.metadata ? 'planted' RETURNING t.id)
    SELECT count(*), coalesce(array_agg(id::text) FILTER (WHERE %(count)s <= %(named)s), '{}') FROM changed
"""
_PUT_BACK = "UPDATE user_references SET metadata = metadata - 'planted' WHERE metadata ? 'planted'"


@contextmanager
def planting(count: int) -> Iterator[list[str]]:
    """Have so many rows of the replica differ, and yield their keys; none of them if they are more than NAMED.

    Raises RuntimeError if there are not as many rows that can be changed, or could be put back.
    """
    try:
        changed, keys = _write(_PLANT, {"count": count, "named": NAMED})[0]
        if changed != count:
            raise RuntimeError(f"{changed:,} rows of the replica could be changed, not {count:,}")
        yield keys
    finally:
        _write(_PUT_BACK, {})


def _write(statement: str, values: dict[str, int]) -> list[tuple]:
    """Write as apply does, to which the guard of the replica does not apply; no dead rows remain."""
    with closing(session("agents")) as connection:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            cursor = connection.execute(statement, values or None)
            found = cursor.fetchall() if cursor.description else []
        connection.execute("VACUUM ANALYZE user_references")
    return found
