"""Plans of tables with one index to choose: the tables are empty here, so that all of them cost the same."""

from tests.integration.adminpages import agents
from tests.integration.baresql import BareSQL


def only(table: str, index: str, *without: str, sql: BareSQL = agents) -> None:
    """Leave the table this index and its primary key; `without` are the ways of the planner (seqscan, ...) to avoid."""
    unique = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'u' AND conname <> %s"
    for (name,) in sql.rows(unique, [table, index]):
        sql.run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    others = sql.rows(
        "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexname NOT IN (%s, %s)",
        [table, index, f"{table}_pkey"],
    )
    if others:
        sql.run(f"DROP INDEX {', '.join(name for (name,) in others)}")
    for way in ("seqscan", *without):
        sql.run(f"SET LOCAL enable_{way} = off")
