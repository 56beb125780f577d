"""What the server's catalogs say of a role: its rights in this database, and powers that no GRANT gives."""

from collections.abc import Collection
from typing import Final

from psycopg import Connection

from nullstore.runtime.rights import Right

_GRANTED: Final = """
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname::text, privilege_type
    FROM pg_class, aclexplode(relacl)
    WHERE relnamespace = 'public'::regnamespace AND grantee = %(role)s::regrole
    UNION
    SELECT 'TABLE', relname::text, format('%%s (%%I)', a.privilege_type, attname)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS a
    WHERE relnamespace = 'public'::regnamespace AND grantee = %(role)s::regrole
    UNION
    SELECT 'SCHEMA', nspname::text, privilege_type FROM pg_namespace, aclexplode(nspacl)
    WHERE nspname = 'public' AND grantee = %(role)s::regrole
    UNION
    SELECT 'DATABASE', datname::text, privilege_type FROM pg_database, aclexplode(datacl)
    WHERE datname = current_database() AND grantee = %(role)s::regrole
    UNION
    SELECT 'FUNCTION', format('%%s(%%s)', proname,
           array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) AS t), ', ')),
           privilege_type
    FROM pg_proc AS p, aclexplode(proacl)
    WHERE pronamespace = 'pg_catalog'::regnamespace AND grantee = %(role)s::regrole
"""
_POWERS: Final = """
    SELECT power FROM pg_roles, LATERAL (VALUES ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole),
        ('CREATEDB', rolcreatedb), ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)) AS p (power, has)
    WHERE rolname = %(name)s AND has
    UNION ALL SELECT format('member of %%s', roleid::regrole) FROM pg_auth_members WHERE member = %(role)s::regrole
    UNION ALL
    SELECT format(CASE deptype WHEN 'o' THEN 'owner of %%s' ELSE 'given rights on %%s' END,
                  pg_describe_object(classid, objid, objsubid))
    FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = %(role)s::regrole
        AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        -- Its own temporary tables, and the rights that are brought to what is declared.
        AND NOT (classid = 'pg_class'::regclass
            AND EXISTS (SELECT FROM pg_class WHERE oid = objid AND relpersistence = 't'))
        AND NOT (deptype = 'a' AND (classid = 'pg_database'::regclass
            OR classid = 'pg_namespace'::regclass AND objid = 'public'::regnamespace
            OR EXISTS (SELECT FROM pg_class WHERE classid = 'pg_class'::regclass AND oid = objid
                AND relnamespace = 'public'::regnamespace)
            OR EXISTS (SELECT FROM pg_proc WHERE classid = 'pg_proc'::regclass AND oid = objid
                AND pronamespace = 'pg_catalog'::regnamespace)))
    UNION ALL
    SELECT format('allowed %%s on %%s, as everybody is', privilege_type, oid::regclass)
    FROM pg_class, aclexplode(relacl) AS a
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%(tables)s) AND grantee = 0 AND NOT EXISTS
        (SELECT FROM aclexplode(relacl) AS own WHERE (own.grantee, own.privilege_type)
            = (%(role)s::regrole, a.privilege_type))
"""
_BY_PUBLIC: Final = """
    SELECT has_schema_privilege(%(role)s::regrole, 'public', 'CREATE'),
           has_database_privilege(%(role)s::regrole, current_database(), 'CREATE')
"""


def exists(connection: Connection, role: str) -> bool:
    """Whether the server has a role of that name."""
    return connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def relations(connection: Connection) -> tuple[set[str], set[str]]:
    """Return the names of the tables, and of the sequences, of the schema public."""
    found = connection.execute(
        "SELECT relkind = 'S', relname::text FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"
    ).fetchall()
    return {name for is_sequence, name in found if not is_sequence}, {name for sequence, name in found if sequence}


def granted(connection: Connection, role: str) -> set[Right]:
    """Return what was granted to the role itself; what PUBLIC may is not in it."""
    found = connection.execute(_GRANTED, {"role": _quoted(connection, role)}).fetchall()
    return {Right(*row) for row in found}


def powers(connection: Connection, role: str, tables: Collection[str]) -> list[str]:
    """Return what the role is, owns or was given beyond what granted() tells, and what PUBLIC lets it do.

    That is: make things, and what it was not granted itself on one of `tables`.
    """
    parameters = {"name": role, "role": _quoted(connection, role), "tables": list(tables)}
    found = [str(power) for (power,) in connection.execute(_POWERS, parameters).fetchall()]
    row = connection.execute(_BY_PUBLIC, parameters).fetchone()
    if row and row[0]:
        found.append("able to make tables in the schema public")
    if row and row[1]:
        found.append("able to make schemas in the database")
    return found


def _quoted(connection: Connection, role: str) -> str:
    row = connection.execute("SELECT quote_ident(%s)", [role]).fetchone()
    assert row is not None
    return str(row[0])
