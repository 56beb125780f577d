"""What a table needs to be replicated, on either side: that it is there, its key, the rights of its owner."""

from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row, rows
from nullstore.replication.catalog.tables import Constraint

_TABLE = "to_regclass('public.' || quote_ident(%s))"


@dataclass(frozen=True, slots=True)
class Key:
    """How changes of a table find their row. `kind` is relreplident: d (default), f (full), i (index) or n (nothing).

    `identity` are the columns by which that finds a row, without any where it finds none; `primary` those of the
    primary key `constraint`.
    """

    kind: str
    identity: frozenset[str]
    primary: tuple[str, ...]
    constraint: str | None


def key(connection: Connection, table: str) -> Key | None:
    """Return the key of public.`table`, or None if there is no such table."""
    row = first_row(
        connection,
        f"""
        SELECT relreplident::text,
               ARRAY(SELECT attname::text FROM pg_index JOIN pg_attribute a ON a.attrelid = indrelid
                     AND attnum = ANY (indkey) WHERE indrelid = c.oid
                     AND CASE relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident END),
               ARRAY(SELECT attname::text FROM pg_index JOIN pg_attribute a ON a.attrelid = indrelid
                     AND attnum = ANY (indkey) WHERE indrelid = c.oid AND indisprimary ORDER BY attnum),
               (SELECT conname::text FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')
        FROM pg_class AS c WHERE c.oid = {_TABLE}
        """,
        [table],
    )
    return Key(row[0], frozenset(row[1]), tuple(row[2]), row[3]) if row else None


def schemas(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the schemas that have a table of that name, as SQL spells them."""
    found = rows(
        connection,
        """
        SELECT quote_ident(nspname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE relname = %s AND relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        ORDER BY 1
        """,
        [table],
    )
    return tuple(schema for (schema,) in found)


def denied(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the rights that the owner of public.`table` took from himself: apply acts as he from 16 on."""
    found = rows(
        connection,
        f"""
        SELECT right_ FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_
        WHERE pg_class.oid = {_TABLE} AND NOT has_table_privilege(relowner, pg_class.oid, right_)
        """,
        [table],
    )
    return tuple(right for (right,) in found)


def owner(connection: Connection, table: str) -> str | None:
    """Return the owner of public.`table`, as SQL spells it."""
    row = first_row(
        connection, f"SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = {_TABLE}", [table]
    )
    return str(row[0]) if row else None


def computing_indexes(connection: Connection, table: str) -> tuple[Constraint, ...]:
    """Return the indexes of public.`table` with an expression or a condition, which can fail for a row."""
    found = rows(
        connection,
        f"""
        SELECT relname::text, pg_get_indexdef(indexrelid), format('DROP INDEX public.%%I', relname)
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = {_TABLE} AND NOT indisunique AND (indexprs IS NOT NULL OR indpred IS NOT NULL) ORDER BY 1
        """,
        [table],
    )
    return tuple(Constraint(*row) for row in found)


def replica_mode(connection: Connection) -> tuple[str, ...]:
    """Return what sets session_replication_role for this database or for roles, each as ALTER names it."""
    found = rows(
        connection,
        """
        SELECT CASE WHEN setrole = 0 AND setdatabase = 0 THEN 'ROLE ALL'
                    WHEN setrole = 0 THEN format('DATABASE %%I', current_database())
                    ELSE format('ROLE %%I', pg_get_userbyid(setrole))
                         || CASE WHEN setdatabase = 0 THEN '' ELSE format(' IN DATABASE %%I', current_database()) END
               END
        FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting
        WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND setting LIKE 'session_replication_role=%%' AND setting <> 'session_replication_role=origin'
        ORDER BY 1
        """,
        [],
    )
    return tuple(whose for (whose,) in found)
