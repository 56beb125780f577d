"""Plans of tables of agents, with one index to choose: the tables are empty here, so that all of them cost the same."""

from tests.integration.adminpages import agents


def only(table: str, index: str, *without: str) -> None:
    """Leave the table this index and its primary key; `without` are the ways of the planner (seqscan, ...) to avoid."""
    unique = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'u'"
    for (name,) in agents.rows(unique, [table]):
        agents.run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    others = agents.rows(
        "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexname NOT IN (%s, %s)",
        [table, index, f"{table}_pkey"],
    )
    agents.run(f"DROP INDEX {', '.join(name for (name,) in others)}")
    for way in ("seqscan", *without):
        agents.run(f"SET LOCAL enable_{way} = off")
