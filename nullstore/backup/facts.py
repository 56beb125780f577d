"""What a manifest says of a database beside its tables."""

import psycopg
from django.db.migrations.loader import MigrationLoader

from nullstore.backup.manifest import Locale
from nullstore.replication import catalog


def version(connection: psycopg.Connection) -> str:
    """Return the server's version, such as "18.6"."""
    number = connection.info.server_version
    return f"{number // 10_000}.{number % 10_000}"


def position(connection: psycopg.Connection) -> str:
    """Return the end of the server's WAL; on a standby, of what it has replayed."""
    row = connection.execute(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"
    ).fetchone()
    assert row is not None
    return str(row[0])


def locale(connection: psycopg.Connection) -> Locale:
    """Return how the database sorts and stores text."""
    # The column of the locale has another name from 17 on.
    column = "datlocale" if connection.info.server_version >= 170_000 else "daticulocale"
    row = connection.execute(
        f"""
        SELECT pg_encoding_to_char(encoding), CASE datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu'
               WHEN 'b' THEN 'builtin' END, datcollate, datctype, {column}
        FROM pg_database WHERE datname = current_database()
        """
    ).fetchone()
    assert row is not None
    return Locale(*row)


def roles(connection: psycopg.Connection) -> list[str]:
    """Return the roles that own the database or an object in it, are granted something or have a setting there."""
    found = connection.execute(
        """
        WITH here AS (SELECT oid FROM pg_database WHERE datname = current_database()), roles AS (
            SELECT refobjid AS oid FROM pg_shdepend, here WHERE refclassid = 'pg_authid'::regclass
              AND (dbid = here.oid OR classid = 'pg_database'::regclass AND objid = here.oid)
            UNION SELECT setrole FROM pg_db_role_setting, here WHERE setdatabase = here.oid)
        SELECT rolname::text FROM roles JOIN pg_roles USING (oid) WHERE rolname !~ '^pg_' ORDER BY 1
        """
    ).fetchall()
    return [name for (name,) in found]


def settings(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    """Return what is set for the database: role ("" for all), parameter, value."""
    found = connection.execute(
        """
        SELECT coalesce(rolname::text, ''), split_part(each, '=', 1), substr(each, strpos(each, '=') + 1)
        FROM pg_db_role_setting LEFT JOIN pg_roles AS r ON r.oid = setrole, unnest(setconfig) AS each
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, 2
        """
    ).fetchall()
    return [(role, name, value) for role, name, value in found]


def heads(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Return the last applied migrations of each app: those on which no other applied one depends.

    Of migrations that this checkout does not know, all.
    """
    applied = catalog.applied_migrations(connection)
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    parents = {node: {parent.key for parent in graph.node_map[node].parents} for node in applied & graph.nodes.keys()}
    inner = {parent for node, above in parents.items() for parent in above if parent[0] == node[0]}
    by_app: dict[str, list[str]] = {}
    for app, name in sorted(applied - inner):
        by_app.setdefault(app, []).append(name)
    return by_app
