"""Who owns a database, who may connect to it and how many at once: what belongs to it and is in no dump of it."""

from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Access:
    """`grants` are grantee ("" for everybody), privilege, and whether it may be handed on; None: those of a new
    database. `connections` is the most there may be at once, -1 for no bound.
    """

    owner: str
    grants: list[tuple[str, str, bool]] | None
    connections: int

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        grants = value["grants"]
        return cls(**{**value, "grants": grants if grants is None else [(*each,) for each in grants]})


def read_access(connection: psycopg.Connection) -> Access:
    """Return the access to the database of the connection."""
    row = connection.execute(
        "SELECT pg_get_userbyid(datdba)::text, datacl IS NULL, datconnlimit FROM pg_database "
        "WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    owner, as_new, connections = row
    grants = connection.execute(
        "SELECT coalesce(rolname::text, ''), privilege_type, is_grantable "
        "FROM pg_database, aclexplode(datacl) LEFT JOIN pg_roles AS r ON r.oid = grantee "
        "WHERE datname = current_database() ORDER BY 1, 2"
    ).fetchall()
    return Access(owner, None if as_new else grants, connections)


def give_access(connection: psycopg.Connection, name: str, access: Access) -> None:
    """Give the new database `name` this access. The roles have to be there."""
    database, owner = sql.Identifier(name), sql.Identifier(access.owner)
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(database, access.connections))
    connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner))
    if access.grants is None:
        return
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(database, owner))
    for grantee, privilege, grantable in access.grants:
        connection.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(privilege),
                database,
                sql.Identifier(grantee) if grantee else sql.SQL("PUBLIC"),
                sql.SQL(" WITH GRANT OPTION" if grantable else ""),
            )
        )
