"""Publications: created, or altered to what is declared; never dropped and made again, which loses rows."""

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog


def create_statement(name: str, tables: Sequence[str], publish: Sequence[str]) -> str:
    """Return CREATE PUBLICATION. The names are checked identifiers (nullstore.identifiers)."""
    return f"CREATE PUBLICATION {name} FOR TABLE {_tables(tables)} WITH (publish = '{', '.join(publish)}')"


def statements_to_match(
    connection: BaseDatabaseWrapper, name: str, tables: Sequence[str], publish: Sequence[str]
) -> list[str]:
    """Return the statements that make the publication what is declared; none if it is.

    Raises ReplicationError for a publication that cannot be altered to match (FOR ALL TABLES).
    """
    found = catalog.publication(connection, name)
    if found is None:
        return [create_statement(name, tables, publish)]
    if found.all_tables:
        raise ReplicationError(
            f"The publication {name} exists FOR ALL TABLES and cannot be altered to publish {', '.join(tables)} only. "
            f"If nothing subscribes to it: DROP PUBLICATION {name}, then migrate again."
        )
    changes = []
    if found.narrowed or found.tables != set(tables):
        changes.append(f"ALTER PUBLICATION {name} SET TABLE {_tables(tables)}")
    if found.publish != set(publish):
        changes.append(f"ALTER PUBLICATION {name} SET (publish = '{', '.join(publish)}')")
    return changes


def drop_statement(name: str) -> str:
    """Return DROP PUBLICATION."""
    return f"DROP PUBLICATION IF EXISTS {name}"


def _tables(tables: Sequence[str]) -> str:
    return ", ".join(f"public.{table}" for table in tables)
